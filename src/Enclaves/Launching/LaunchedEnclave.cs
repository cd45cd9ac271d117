namespace NitroEnclaves.Enclaves;

/// <summary>
/// An enclave that this program has started. Disposing it lets the enclave run on, unless it was started with
/// <see cref="EnclaveOptions.EndWithLauncher"/>: then the enclave is ended, and nothing of it is left.
/// </summary>
public sealed class LaunchedEnclave : IAsyncDisposable
{
    internal static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(10);

    readonly EnclaveRegistry _registry;
    readonly LaunchChannel _channel;
    readonly ChildProcess _process;
    readonly bool _endWithLauncher;
    readonly CancellationTokenSource _letGo = new();
    readonly Task<EnclaveEnd> _ended;

    internal LaunchedEnclave(
        EnclaveRunInfo info, EnclaveRegistry registry, LaunchChannel channel, ChildProcess process, bool endWithLauncher)
    {
        (Info, _registry, _channel, _process, _endWithLauncher) = (info, registry, channel, process, endWithLauncher);
        Client = registry.Connect(info.EnclaveId);
        _ended = ReceiveEndAsync();
    }

    /// <summary>What <c>run-enclave</c> prints of it.</summary>
    public EnclaveRunInfo Info { get; }

    /// <summary>Commands it.</summary>
    public EnclaveClient Client { get; }

    /// <summary>The Unix socket through which the parent's programs reach its ports (<c>CONNECT &lt;port&gt;</c>).</summary>
    public string VsockPath => _registry.VsockPath(Info.EnclaveId);

    /// <summary>Waits for its end, whatever brings it.</summary>
    /// <exception cref="OperationCanceledException">The wait was given up, or the enclave was let go.</exception>
    public Task<EnclaveEnd> WaitAsync(CancellationToken cancellationToken = default) => _ended.WaitAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _letGo.CancelAsync().ConfigureAwait(false);
        await Task.WhenAny(_ended).ConfigureAwait(false);
        await _channel.DisposeAsync().ConfigureAwait(false);
        if (_endWithLauncher)
        {
            await _process.EndAsync(EndPatience).ConfigureAwait(false);
            // A process that was killed had no time to tidy up; looking at the registry does.
            _registry.Tidy();
        }

        _letGo.Dispose();
    }

    async Task<EnclaveEnd> ReceiveEndAsync()
    {
        string? failure = null;
        while (await _channel.ReceiveAsync(_letGo.Token).ConfigureAwait(false) is { } message)
        {
            if (message.Ended is { } end)
            {
                return end;
            }

            failure = message.Failed?.Message ?? failure;
        }

        var exit = await _process.Exit.ConfigureAwait(false);
        _registry.Tidy();
        return new EnclaveEnd(EnclaveEndKind.EngineFailed, null, failure ?? $"The enclave's process ended unexpectedly ({exit}), and the enclave with it.");
    }
}
