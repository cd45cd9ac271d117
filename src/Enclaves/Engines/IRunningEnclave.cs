namespace NitroEnclaves.Enclaves;

/// <summary>An enclave that an engine runs. Disposing it ends it at once and leaves nothing behind.</summary>
public interface IRunningEnclave : IAsyncDisposable
{
    /// <summary>Completes when the engine no longer runs the enclave, for whatever reason.</summary>
    Task<EngineExit> Ended { get; }

    /// <summary>The next connection of the enclave to the parent's port 9000, where it says that it is ready and how it ended.</summary>
    /// <exception cref="OperationCanceledException">The wait was given up, or the enclave is being disposed.</exception>
    ValueTask<Stream> AcceptReportAsync(CancellationToken cancellationToken);
}
