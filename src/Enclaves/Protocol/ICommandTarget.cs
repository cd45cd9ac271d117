namespace NitroEnclaves.Enclaves;

/// <summary>The enclave that a <see cref="CommandServer"/> takes commands for. Called from several threads.</summary>
interface ICommandTarget
{
    string Id { get; }

    string Name { get; }

    uint Cid { get; }

    bool IsDebugMode { get; }

    /// <summary>The console; null when it may not be read.</summary>
    ConsoleLog? ReadableConsole { get; }

    /// <summary>The enclave, where processes may enter it; null where it is not the process engine's, or not in debug mode.</summary>
    IEnterableEnclave? Enterable => null;

    /// <summary>Completes when the enclave has ended and everything of it is removed.</summary>
    Task<EnclaveEnd> Ended { get; }

    EnclaveDescription Describe(bool metadata);

    EnclaveStatistics Statistics();

    /// <summary>Asks for the enclave's end; <see cref="Ended"/> says when it has come.</summary>
    void Terminate();
}
