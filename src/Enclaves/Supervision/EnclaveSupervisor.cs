using System.Globalization;
using System.Text;
using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// One enclave from its start to its end: image, registry entry, NSM, engine, heartbeat, commands, new starts by its restart policy, and the
/// removal of all of it. Nothing of the enclave is left when <see cref="RunAsync"/> returns or throws.
/// </summary>
sealed class EnclaveSupervisor
{
    /// <summary>So long an enclave that has ended waits for a launcher that lives and has not come yet to follow its console.</summary>
    internal static readonly TimeSpan AttachPatience = TimeSpan.FromMinutes(1);

    readonly EnclaveOptions _options;
    readonly EnclaveRegistry _registry;
    readonly Task<IEnclaveEngine> _selecting;
    readonly IDocumentSigner _signer;
    readonly TimeProvider _time;

    /// <summary>Prepares an enclave's life.</summary>
    /// <param name="options">What to start; checked here.</param>
    /// <param name="registry">Where to enter it.</param>
    /// <param name="selecting">Finds what runs it.</param>
    /// <param name="signer">Signs its attestation documents.</param>
    /// <param name="time">The clock of documents and time-outs.</param>
    /// <exception cref="EnclaveException">The options break a rule.</exception>
    public EnclaveSupervisor(EnclaveOptions options, EnclaveRegistry registry, Task<IEnclaveEngine> selecting, IDocumentSigner signer, TimeProvider time)
    {
        options.Validate();
        (_options, _registry, _selecting, _signer, _time) = (options, registry, selecting, signer, time);
    }

    /// <summary>Prepares an enclave's life on an engine that is known already.</summary>
    /// <inheritdoc cref="EnclaveSupervisor(EnclaveOptions, EnclaveRegistry, Task{IEnclaveEngine}, IDocumentSigner, TimeProvider)"/>
    public EnclaveSupervisor(EnclaveOptions options, EnclaveRegistry registry, IEnclaveEngine engine, IDocumentSigner signer, TimeProvider time)
        : this(options, registry, Task.FromResult(engine), signer, time)
    {
    }

    /// <summary>Told when an engine without an NSM of its own has started the enclave, before anything is waited for.</summary>
    public Action? Begun { get; init; }

    /// <summary>Whether the process ends with the enclave, so that commands may take the one's end for the other's.</summary>
    public bool OwnsProcess { get; init; }

    /// <summary>Cancelled when whoever started the enclave is gone, and with it whoever was going to follow its console.</summary>
    public CancellationToken LauncherGone { get; init; }

    /// <summary>Where its life is written down. The id of the enclave goes in front of each line.</summary>
    public IReadOnlyList<IEnclaveLogOutput> LogOutputs { get; init; } = [];

    /// <summary>Starts the enclave, stays with it, and ends it.</summary>
    /// <param name="progress">Told what happens until the enclave runs, a line each.</param>
    /// <param name="started">Told once, when the first heartbeat has come.</param>
    /// <param name="stop">Ends the enclave, or its start.</param>
    /// <returns>How it ended for good.</returns>
    /// <exception cref="EnclaveException">It did not come up at all.</exception>
    /// <exception cref="OperationCanceledException">It was stopped before it came up.</exception>
    public async Task<EnclaveEnd> RunAsync(Action<string> progress, Func<EnclaveRunInfo, Task> started, CancellationToken stop)
    {
        SupervisedEnclave? known = null;
        var log = new EnclaveLog(LogOutputs, _time, () => known is { } enclave ? $"enc-{EnclaveId.Parse(enclave.Id).Slot:x}" : "enc-xxxxxxx");
        try
        {
            using var source = EnclaveSource.Open(_options);
            _options.ValidateMemory(source.Length);
            var measurement = source.Admit(_time.GetUtcNow(), stop);
            await using (measurement.ConfigureAwait(false))
            {
                return await StartAndSuperviseAsync(source, measurement, log, enclave => known = enclave, progress, started, stop).ConfigureAwait(false);
            }
        }
        catch (EnclaveException exception)
        {
            log.Write(EnclaveLogLevel.Error, $"[ E{exception.NitroCliCode:D2} ] {exception.Message}");
            throw;
        }
    }

    async Task<EnclaveEnd> StartAndSuperviseAsync(
        EnclaveSource source, SourceMeasurement measurement, EnclaveLog log, Action<SupervisedEnclave> registered, Action<string> progress,
        Func<EnclaveRunInfo, Task> started, CancellationToken stop)
    {
        var engine = await _selecting.ConfigureAwait(false);
        var slots = engine.Reserve(_options) is { } slot ? SlotSource.Of(slot) : SlotSource.Random;
        using var registration = _registry.Register(_options, engine.Name, slots);
        var enclave = new SupervisedEnclave(_options, registration, source.Image?.Metadata, new ConsoleLog());
        registered(enclave);
        log.Write(EnclaveLogLevel.Info, string.Create(
            CultureInfo.InvariantCulture,
            $"Starting {enclave.Name} ({enclave.Id}) by the {engine.Name} engine: CID {enclave.Cid}, {_options.MemoryMiB} MiB, {_options.VcpuCount} vCPUs"));
        progress("Start allocating memory...");
        try
        {
            var run = await StartAsync(engine, enclave, source, measurement, stop).ConfigureAwait(false);
            log.Write(EnclaveLogLevel.Info, source.Describe(enclave.ImageMeasurements));
            return await SuperviseAsync(enclave, source, run, log, progress, started, stop).ConfigureAwait(false);
        }
        finally
        {
            enclave.Console.Complete();
        }
    }

    async Task<EnclaveRun> StartAsync(
        IEnclaveEngine engine, SupervisedEnclave enclave, EnclaveSource source, SourceMeasurement measurement, CancellationToken stop)
    {
        var patience = _options.BootTimeout ?? EnclaveBootTimeout.For(source.Length, _options.MemoryMiB);
        var run = await EnclaveRun.StartAsync(engine, Launch(enclave, source, measurement), patience, enclave.Console, _time, Begin, stop).ConfigureAwait(false);
        try
        {
            enclave.ImageMeasurements = await measurement.Result.ConfigureAwait(false);
        }
        catch
        {
            await run.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        enclave.Place(run.Running);
        return run;

        void Begin()
        {
            measurement.Begin();
            if (!engine.HasNsm)
            {
                Begun?.Invoke();
            }
        }
    }

    EnclaveLaunch Launch(SupervisedEnclave enclave, EnclaveSource source, SourceMeasurement measurement) => new()
    {
        Id = enclave.Id,
        Cid = enclave.Cid,
        Image = source.Image,
        Folder = _options.RootFolder,
        MemoryMiB = _options.MemoryMiB,
        VcpuCount = _options.VcpuCount,
        CpuIds = _options.CpuIds,
        DebugMode = _options.DebugMode,
        Nsm = enclave.NsmRequests.Over(EnclaveNsm.Create(_options, EnclaveId.Parse(enclave.Id), measurement, _signer, _time)),
        VsockPath = enclave.Registration.Paths.Vsock,
        SharedVsockPath = enclave.Registration.Paths.SharedVsock,
        Forwards = [.. _options.Forwards.Select(VsockForward.Parse)],
        PeerPath = cid => _options.VsockAllow.Contains(cid) ? _registry.FindVsockPath(cid) : null,
        ConsoleOutput = output => enclave.Console.Append(output.Span),
    };

    async Task<EnclaveEnd> SuperviseAsync(
        SupervisedEnclave enclave, EnclaveSource source, EnclaveRun first, EnclaveLog log, Action<string> progress, Func<EnclaveRunInfo, Task> started,
        CancellationToken stop)
    {
        await using var run = new CurrentRun { Run = first };
        var server = CommandServer.Start(enclave.Registration.Paths.Commands, enclave, Interop.geteuid(), OwnsProcess, _time);
        await using (server.ConfigureAwait(false))
        {
            using var consoles = enclave.ReadableConsole is { } readable
                ? ConsoleServer.Start(enclave.Registration.Paths.Console, enclave.Cid, readable)
                : null;
            enclave.Registration.Enter(EnclaveState.Running);
            var info = enclave.RunInfo();
            var line = $"Started enclave with enclave-cid: {info.EnclaveCid}, memory: {info.MemoryMiB} MiB, cpu-ids: [{string.Join(", ", info.CpuIds)}]";
            log.Write(EnclaveLogLevel.Info, line);
            progress(line);
            await started(info).ConfigureAwait(false);

            var end = await LiveAsync(enclave, source, run, log, stop).ConfigureAwait(false);
            enclave.Registration.Enter(EnclaveState.Terminating);
            await run.DisposeAsync().ConfigureAwait(false);
            end = enclave.Complement(end);
            await WaitForFollowerAsync(enclave, stop).ConfigureAwait(false);
            enclave.Console.Complete();
            server.StopListening();
            enclave.Registration.Dispose();
            log.Write(EnclaveLogLevel.Info, "Nothing of it is left.");
            enclave.Complete(end);
            await server.DrainAsync().ConfigureAwait(false);
            return end;
        }
    }

    // Waits for the end of one run after the other, until there is no other.
    async Task<EnclaveEnd> LiveAsync(SupervisedEnclave enclave, EnclaveSource source, CurrentRun current, EnclaveLog log, CancellationToken stop)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var registration = enclave.TerminationAsked.Register(ending.Cancel);
        var schedule = new RestartSchedule(_options.Restart);
        try
        {
            while (true)
            {
                var end = await WaitForEndAsync(current, ending.Token).ConfigureAwait(false);
                var pause = schedule.Next(end, current.Run?.Elapsed ?? TimeSpan.Zero);
                log.Write(
                    end is { Kind: EnclaveEndKind.Exited, Status: 0 } ? EnclaveLogLevel.Info : EnclaveLogLevel.Warn,
                    pause is { } time ? $"{end.Explanation} It is started again in {time.TotalSeconds:0.#} s." : end.Explanation);
                if (pause is not { } delay)
                {
                    return end;
                }

                enclave.Registration.Enter(EnclaveState.Restarting);
                await current.DisposeAsync().ConfigureAwait(false);
                enclave.Console.Append(Encoding.UTF8.GetBytes($"\r\n[{end.Explanation} It is started again.]\r\n"));
                await Task.Delay(delay, _time, ending.Token).ConfigureAwait(false);
                enclave.Restarts = schedule.Count;
                await StartAgainAsync(enclave, source, current, log, ending.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            var end = new EnclaveEnd(
                EnclaveEndKind.Terminated, null,
                stop.IsCancellationRequested && !enclave.TerminationAsked.IsCancellationRequested
                    ? "The enclave was terminated with the process that owned it."
                    : "The enclave was terminated by a command.");
            log.Write(EnclaveLogLevel.Info, end.Explanation);
            return end;
        }
    }

    // What a short program prints is for who attaches to its console, which is a moment after the start, and many seconds after it on a
    // machine with much to do. Nothing of the enclave but its console is there any more.
    async Task WaitForFollowerAsync(SupervisedEnclave enclave, CancellationToken stop)
    {
        if (_options.AttachConsole)
        {
            using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(stop, enclave.TerminationAsked, LauncherGone);
            await Task.WhenAny(enclave.Console.Followed, Task.Delay(AttachPatience, _time, giveUp.Token)).ConfigureAwait(false);
            await giveUp.CancelAsync().ConfigureAwait(false);
        }
    }

    static async Task<EnclaveEnd> WaitForEndAsync(CurrentRun current, CancellationToken ending) =>
        current.Run is { } run ? await run.WaitForEndAsync(ending).ConfigureAwait(false) : current.StartFailure!;

    async Task StartAgainAsync(SupervisedEnclave enclave, EnclaveSource source, CurrentRun current, EnclaveLog log, CancellationToken ending)
    {
        try
        {
            // The registers were made from what the file held: another content must not be started under them.
            var measurements = source.Measure(ending);
            if (measurements != enclave.ImageMeasurements)
            {
                throw new EnclaveException(EnclaveFailure.InvalidImage, "The image file has changed since the enclave was first started.");
            }

            var engine = await _selecting.ConfigureAwait(false);
            if (engine.Reserve(_options) is { } slot && _options.ModuleId is null)
            {
                enclave.Registration.Rename(EnclaveId.Parse(enclave.Id).InstanceId, slot);
            }

            var known = new SourceMeasurement(measurements);
            await using (known.ConfigureAwait(false))
            {
                current.Run = await StartAsync(engine, enclave, source, known, ending).ConfigureAwait(false);
            }

            enclave.Registration.Enter(EnclaveState.Running);
            log.Write(EnclaveLogLevel.Info, $"Started again, start {enclave.Restarts + 1}.");
        }
        catch (EnclaveException exception)
        {
            current.StartFailure = new EnclaveEnd(EnclaveEndKind.EngineFailed, null, $"The enclave did not come up again: {exception.Message}");
        }
    }

    /// <summary>The run of the moment; between two there is none, and after a start that failed there is why.</summary>
    sealed class CurrentRun : IAsyncDisposable
    {
        public EnclaveRun? Run { get; set; }

        public EnclaveEnd? StartFailure { get; set; }

        public async ValueTask DisposeAsync()
        {
            if (Run is { } run)
            {
                Run = null;
                await run.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
