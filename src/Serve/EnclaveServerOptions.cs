using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve;

/// <summary>What a server serves, and where.</summary>
sealed class EnclaveServerOptions
{
    /// <summary>The Unix socket; made for its owner alone, or <see cref="GroupAccess"/>. One that nobody listens at is replaced.</summary>
    public required string SocketPath { get; init; }

    /// <summary>Whether the members of the socket's group, which is that of this process, can reach it too: they command all of this user's enclaves.</summary>
    public bool GroupAccess { get; init; }

    /// <summary>The engine of requests that name none.</summary>
    public EngineChoice Engine { get; init; }

    /// <summary>Whose enclaves are served; also where those that are started go.</summary>
    public required EnclaveRegistry Registry { get; init; }

    /// <summary>Starts enclaves.</summary>
    public required EnclaveLauncher Launcher { get; init; }

    /// <summary>How often the registry is looked at: events come no sooner.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
