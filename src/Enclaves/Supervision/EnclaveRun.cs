namespace NitroEnclaves.Enclaves;

/// <summary>One run of an enclave on its engine, from the heartbeat to the end; an enclave that is started again has several.</summary>
sealed class EnclaveRun : IAsyncDisposable
{
    // nitro-init reports its end and then resets: that long the last lines on the console may take, and so long a report that was sent
    // just before the machine was gone may take to be read, on a machine with much to do. Whose init reports nothing ends so much later.
    static readonly TimeSpan s_lastWords = TimeSpan.FromSeconds(2);

    readonly IRunningEnclave _running;
    readonly EnclaveReports _reports;
    readonly CancellationTokenSource _serving = new();
    readonly Task _served;
    readonly TimeProvider _time;
    readonly long _begin;
    bool _disposed;

    EnclaveRun(IRunningEnclave running, TimeProvider time)
    {
        (_running, _time, _begin) = (running, time, time.GetTimestamp());
        _reports = new EnclaveReports(time);
        _served = _reports.ServeAsync(running.AcceptReportAsync, _serving.Token);
    }

    /// <summary>What the engine runs.</summary>
    public IRunningEnclave Running => _running;

    /// <summary>The time since the start.</summary>
    public TimeSpan Elapsed => _time.GetElapsedTime(_begin);

    /// <summary>Starts the enclave and waits for its heartbeat.</summary>
    /// <param name="engine">What runs it.</param>
    /// <param name="launch">What to start.</param>
    /// <param name="patience">How long the heartbeat may take.</param>
    /// <param name="console">What it prints, for the message when it does not come up.</param>
    /// <param name="time">The clock of the patience.</param>
    /// <param name="begun">Called when the engine has started the enclave, before anything is waited for.</param>
    /// <param name="stop">Gives the start up.</param>
    /// <exception cref="EnclaveException">It did not come up; nothing of it is left.</exception>
    /// <exception cref="OperationCanceledException">The start was given up; nothing of it is left.</exception>
    public static async Task<EnclaveRun> StartAsync(
        IEnclaveEngine engine, EnclaveLaunch launch, TimeSpan patience, ConsoleLog console, TimeProvider time, Action begun, CancellationToken stop)
    {
        var run = new EnclaveRun(await engine.StartAsync(launch, stop).ConfigureAwait(false), time);
        try
        {
            begun();
            await run.WaitForHeartbeatAsync(patience, console, stop).ConfigureAwait(false);
            return run;
        }
        catch
        {
            await run.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Waits until the enclave has ended by itself.</summary>
    /// <exception cref="OperationCanceledException">It shall be ended.</exception>
    public async Task<EnclaveEnd> WaitForEndAsync(CancellationToken stop)
    {
        await Task.WhenAny(_reports.End, _running.Ended, Task.Delay(Timeout.InfiniteTimeSpan, stop)).ConfigureAwait(false);
        if (!_reports.End.IsCompleted && !_running.Ended.IsCompleted)
        {
            stop.ThrowIfCancellationRequested();
        }

        // Both belong together: whichever came first, the other is about to.
        await Task.WhenAny(Task.WhenAll(_reports.End, _running.Ended), Task.Delay(s_lastWords, CancellationToken.None)).ConfigureAwait(false);
        return await OwnEndAsync().ConfigureAwait(false);
    }

    /// <summary>Ends the enclave, if it has not ended yet.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        await _running.DisposeAsync().ConfigureAwait(false);
        await _serving.CancelAsync().ConfigureAwait(false);
        await _served.ConfigureAwait(false);
        _serving.Dispose();
    }

    async Task WaitForHeartbeatAsync(TimeSpan patience, ConsoleLog console, CancellationToken stop)
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var timeout = Task.Delay(patience, _time, giveUp.Token);
        var first = await Task.WhenAny(_reports.Ready, _running.Ended, timeout).ConfigureAwait(false);
        if (first == _running.Ended && !_reports.Ready.IsCompletedSuccessfully)
        {
            // What the enclave sent before it was gone may still be on its way to us.
            await Task.WhenAny(_reports.Ready, _reports.End, Task.Delay(s_lastWords, stop)).ConfigureAwait(false);
        }

        stop.ThrowIfCancellationRequested();
        await giveUp.CancelAsync().ConfigureAwait(false);
        if (_reports.Ready.IsCompletedSuccessfully)
        {
            return;
        }

        throw _reports.Ready.Exception?.InnerException is EnclaveException wrong
            ? BootFailure(wrong.Message, console)
            : first == timeout
                ? BootFailure($"No heartbeat came within {patience.TotalSeconds:0} s.", console)
                : BootFailure($"The enclave ended before its heartbeat. {(await OwnEndAsync().ConfigureAwait(false)).Explanation}", console);
    }

    async Task<EnclaveEnd> OwnEndAsync()
    {
        if (_reports.End.IsCompletedSuccessfully)
        {
            var end = await _reports.End.ConfigureAwait(false);
            return _running.Ended is { IsCompletedSuccessfully: true, Result.Circumstance: { } circumstance }
                ? end with { Explanation = $"{end.Explanation} {circumstance}" }
                : end;
        }

        var exit = await _running.Ended.ConfigureAwait(false);
        return exit.IsFailure
            ? new EnclaveEnd(EnclaveEndKind.EngineFailed, null, exit.Explanation)
            : new EnclaveEnd(EnclaveEndKind.Unknown, null, $"{exit.Explanation} Its init made no report, so the status of its program is unknown.");
    }

    static EnclaveException BootFailure(string message, ConsoleLog console)
    {
        var tail = console.TailText();
        return new EnclaveException(EnclaveFailure.BootFailure, message) { ConsoleTail = tail.Length > 0 ? tail : null };
    }
}
