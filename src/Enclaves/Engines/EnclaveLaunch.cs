using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves;

/// <summary>What an engine is to start, put together and checked by the enclave's process.</summary>
public sealed record EnclaveLaunch
{
    /// <summary>The enclave's id.</summary>
    public required string Id { get; init; }

    /// <summary>The enclave's CID.</summary>
    public required uint Cid { get; init; }

    /// <summary>The image, which the engine reads during the start and does not keep; null where there is a <see cref="Folder"/> in its place.</summary>
    public EifFile? Image { get; init; }

    /// <summary>An unpacked root file system in the image's place, for the process engine; null for an image.</summary>
    public RootFolder? Folder { get; init; }

    /// <summary>The memory in MiB.</summary>
    public required ulong MemoryMiB { get; init; }

    /// <summary>The number of vCPUs.</summary>
    public required int VcpuCount { get; init; }

    /// <summary>The parent's CPUs on which the vCPUs stay; null leaves that to the kernel.</summary>
    public IReadOnlyList<uint>? CpuIds { get; init; }

    /// <summary>Debug mode, for engines whose hardware wants to know.</summary>
    public bool DebugMode { get; init; }

    /// <summary>The NSM that the enclave's device hands requests to. Engines may call it from several threads.</summary>
    public required INsmTransport Nsm { get; init; }

    /// <summary>The Unix socket of the enclave's vsock, with <c>_&lt;port&gt;</c> beside it for the way out.</summary>
    public required string VsockPath { get; init; }

    /// <summary>The same for listeners that serve every enclave of the registry: <c>_&lt;port&gt;</c> beside it; tried second.</summary>
    public string? SharedVsockPath { get; init; }

    /// <summary>Bridges between TCP and the enclave's vsock.</summary>
    public IReadOnlyList<VsockForward> Forwards { get; init; } = [];

    /// <summary>The Unix socket of another enclave that this one may dial by its CID; null for every other CID.</summary>
    public Func<uint, string?>? PeerPath { get; init; }

    /// <summary>Takes what the enclave prints.</summary>
    public required Action<ReadOnlyMemory<byte>> ConsoleOutput { get; init; }

    /// <summary>The image, for engines that start nothing else.</summary>
    /// <exception cref="EnclaveException">There is none (<see cref="EnclaveFailure.ConflictingArgument"/>).</exception>
    internal EifFile RequireImage() => Image ?? throw new EnclaveException(
        EnclaveFailure.ConflictingArgument, "A folder is run by the process engine only; every other engine needs an image.");
}
