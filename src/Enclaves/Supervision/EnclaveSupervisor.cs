using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// One enclave from its start to its end: image, registry entry, NSM, engine, heartbeat, commands, and the removal of all of it. Nothing
/// of the enclave is left when <see cref="RunAsync"/> returns or throws.
/// </summary>
sealed class EnclaveSupervisor
{
    // nitro-init reports its end and then resets: that long the last lines on the console may take, and so long a report that was sent
    // just before the machine was gone may take to be read.
    static readonly TimeSpan s_lastWords = TimeSpan.FromMilliseconds(500);

    // So long a launcher has, after it was told that the enclave runs, to connect to its console.
    static readonly TimeSpan s_attachPatience = TimeSpan.FromSeconds(5);

    readonly EnclaveOptions _options;
    readonly EnclaveRegistry _registry;
    readonly IEnclaveEngine _engine;
    readonly IDocumentSigner _signer;
    readonly TimeProvider _time;

    /// <summary>Prepares an enclave's life.</summary>
    /// <param name="options">What to start; checked here.</param>
    /// <param name="registry">Where to enter it.</param>
    /// <param name="engine">What runs it.</param>
    /// <param name="signer">Signs its attestation documents.</param>
    /// <param name="time">The clock of documents and time-outs.</param>
    /// <exception cref="EnclaveException">The options break a rule.</exception>
    public EnclaveSupervisor(EnclaveOptions options, EnclaveRegistry registry, IEnclaveEngine engine, IDocumentSigner signer, TimeProvider time)
    {
        options.Validate();
        (_options, _registry, _engine, _signer, _time) = (options, registry, engine, signer, time);
    }

    /// <summary>Whether the process ends with the enclave, so that commands may take the one's end for the other's.</summary>
    public bool OwnsProcess { get; init; }

    /// <summary>Starts the enclave, stays with it, and ends it.</summary>
    /// <param name="progress">Told what happens until the enclave runs, a line each.</param>
    /// <param name="started">Told once, when the heartbeat has come.</param>
    /// <param name="stop">Ends the enclave, or its start.</param>
    /// <returns>How it ended.</returns>
    /// <exception cref="EnclaveException">It did not come up.</exception>
    /// <exception cref="OperationCanceledException">It was stopped before it came up.</exception>
    public async Task<EnclaveEnd> RunAsync(Action<string> progress, Func<EnclaveRunInfo, Task> started, CancellationToken stop)
    {
        using var image = EnclaveImages.Open(_options);
        _options.ValidateMemory(image.Length);
        var measurements = EnclaveImages.Measure(image, stop);
        EnclaveImages.CheckSignature(image, measurements, _time.GetUtcNow());

        var slots = _engine.Reserve(_options) is { } slot ? SlotSource.Of(slot) : SlotSource.Random;
        using var registration = _registry.Register(_options, _engine.Name, slots);
        var console = new ConsoleLog();
        var enclave = new SupervisedEnclave(_options, registration, measurements, image.Metadata, console);
        progress("Start allocating memory...");
        var running = await _engine.StartAsync(Launch(enclave, image, measurements), stop).ConfigureAwait(false);
        try
        {
            enclave.Place(running);
            return await SuperviseAsync(enclave, running, image.Length, progress, started, stop).ConfigureAwait(false);
        }
        finally
        {
            await running.DisposeAsync().ConfigureAwait(false);
            console.Complete();
        }
    }

    EnclaveLaunch Launch(SupervisedEnclave enclave, EifFile image, EifMeasurements measurements) => new()
    {
        Id = enclave.Id,
        Cid = enclave.Cid,
        Image = image,
        MemoryMiB = _options.MemoryMiB,
        VcpuCount = _options.VcpuCount,
        CpuIds = _options.CpuIds,
        DebugMode = _options.DebugMode,
        Nsm = EnclaveNsm.Create(_options, EnclaveId.Parse(enclave.Id), measurements, _signer, _time),
        VsockPath = enclave.Registration.Paths.Vsock,
        SharedVsockPath = enclave.Registration.Paths.SharedVsock,
        Forwards = [.. _options.Forwards.Select(VsockForward.Parse)],
        PeerPath = cid => _options.VsockAllow.Contains(cid) ? _registry.FindVsockPath(cid) : null,
        ConsoleOutput = output => enclave.Console.Append(output.Span),
    };

    async Task<EnclaveEnd> SuperviseAsync(
        SupervisedEnclave enclave, IRunningEnclave running, long imageLength, Action<string> progress, Func<EnclaveRunInfo, Task> started,
        CancellationToken stop)
    {
        var reports = new EnclaveReports(_time);
        using var serving = new CancellationTokenSource();
        var served = reports.ServeAsync(running.AcceptReportAsync, serving.Token);
        try
        {
            await WaitForHeartbeatAsync(enclave, running, reports, imageLength, stop).ConfigureAwait(false);
            var server = CommandServer.Start(enclave.Registration.Paths.Commands, enclave, Interop.geteuid(), OwnsProcess);
            await using (server.ConfigureAwait(false))
            {
                using var consoles = enclave.ReadableConsole is { } readable
                    ? ConsoleServer.Start(enclave.Registration.Paths.Console, enclave.Cid, readable)
                    : null;
                enclave.Registration.Enter(EnclaveState.Running);
                var info = enclave.RunInfo();
                progress($"Started enclave with enclave-cid: {info.EnclaveCid}, memory: {info.MemoryMiB} MiB, cpu-ids: [{string.Join(", ", info.CpuIds)}]");
                await started(info).ConfigureAwait(false);

                var end = await WaitForEndAsync(enclave, running, reports, stop).ConfigureAwait(false);
                enclave.Registration.Enter(EnclaveState.Terminating);
                await running.DisposeAsync().ConfigureAwait(false);
                enclave.Console.Complete();
                server.StopListening();
                enclave.Registration.Dispose();
                enclave.Complete(end);
                await server.DrainAsync().ConfigureAwait(false);
                return end;
            }
        }
        finally
        {
            await serving.CancelAsync().ConfigureAwait(false);
            await served.ConfigureAwait(false);
        }
    }

    async Task WaitForHeartbeatAsync(
        SupervisedEnclave enclave, IRunningEnclave running, EnclaveReports reports, long imageLength, CancellationToken stop)
    {
        var patience = _options.BootTimeout ?? EnclaveBootTimeout.For(imageLength, _options.MemoryMiB);
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var timeout = Task.Delay(patience, _time, giveUp.Token);
        var first = await Task.WhenAny(reports.Ready, running.Ended, timeout).ConfigureAwait(false);
        if (first == running.Ended && !reports.Ready.IsCompletedSuccessfully)
        {
            // What the enclave sent before it was gone may still be on its way to us.
            await Task.WhenAny(reports.Ready, reports.End, Task.Delay(s_lastWords, stop)).ConfigureAwait(false);
        }

        stop.ThrowIfCancellationRequested();
        await giveUp.CancelAsync().ConfigureAwait(false);
        if (reports.Ready.IsCompletedSuccessfully)
        {
            return;
        }

        throw reports.Ready.Exception?.InnerException is EnclaveException wrong
            ? BootFailure(wrong.Message, enclave)
            : first == timeout
                ? BootFailure($"No heartbeat came within {patience.TotalSeconds:0} s.", enclave)
                : BootFailure($"The enclave ended before its heartbeat. {await ExplainAsync(running, reports).ConfigureAwait(false)}", enclave);
    }

    async Task<EnclaveEnd> WaitForEndAsync(SupervisedEnclave enclave, IRunningEnclave running, EnclaveReports reports, CancellationToken stop)
    {
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, stop);
        var first = await Task.WhenAny(reports.End, running.Ended, enclave.TerminationRequested, stopped).ConfigureAwait(false);
        if (first == reports.End || first == running.Ended)
        {
            // Both belong together: whichever came first, the other is about to.
            await Task.WhenAny(Task.WhenAll(reports.End, running.Ended), Task.Delay(s_lastWords, CancellationToken.None)).ConfigureAwait(false);
            if (_options.AttachConsole)
            {
                await Task.WhenAny(enclave.Console.Followed, Task.Delay(s_attachPatience, _time, CancellationToken.None), enclave.TerminationRequested, stopped).ConfigureAwait(false);
            }

            return await OwnEndAsync(running, reports).ConfigureAwait(false);
        }

        return new EnclaveEnd(
            EnclaveEndKind.Terminated, null, first == enclave.TerminationRequested ? "The enclave was terminated by a command." : "The enclave was terminated with the process that owned it.");
    }

    static async Task<EnclaveEnd> OwnEndAsync(IRunningEnclave running, EnclaveReports reports)
    {
        if (reports.End.IsCompletedSuccessfully)
        {
            return await reports.End.ConfigureAwait(false);
        }

        var exit = await running.Ended.ConfigureAwait(false);
        return exit.IsFailure
            ? new EnclaveEnd(EnclaveEndKind.EngineFailed, null, exit.Explanation)
            : new EnclaveEnd(EnclaveEndKind.Unknown, null, $"{exit.Explanation} Its init made no report, so the status of its program is unknown.");
    }

    static async Task<string> ExplainAsync(IRunningEnclave running, EnclaveReports reports) =>
        (await OwnEndAsync(running, reports).ConfigureAwait(false)).Explanation;

    static EnclaveException BootFailure(string message, SupervisedEnclave enclave)
    {
        var tail = enclave.Console.TailText();
        return new EnclaveException(EnclaveFailure.BootFailure, message) { ConsoleTail = tail.Length > 0 ? tail : null };
    }
}
