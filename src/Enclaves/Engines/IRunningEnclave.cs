namespace NitroEnclaves.Enclaves;

/// <summary>An enclave that an engine runs. Disposing it ends it at once and leaves nothing behind.</summary>
public interface IRunningEnclave : IAsyncDisposable
{
    /// <summary>Completes when the engine no longer runs the enclave, for whatever reason.</summary>
    Task<EngineExit> Ended { get; }

    /// <summary>The parent's CPUs that the enclave has; null where the engine was free to leave them to the kernel.</summary>
    IReadOnlyList<uint>? CpuIds => null;

    /// <summary>The memory that the enclave has, in MiB, where it can be more than was asked for; else null.</summary>
    ulong? MemoryMiB => null;

    /// <summary>What has gone over the enclave's vsock; null where the engine does not see it.</summary>
    VsockTraffic? Vsock => null;

    /// <summary>The next connection of the enclave to the parent's port 9000, where it says that it is ready and how it ended.</summary>
    /// <exception cref="OperationCanceledException">The wait was given up, or the enclave is being disposed.</exception>
    ValueTask<Stream> AcceptReportAsync(CancellationToken cancellationToken);
}
