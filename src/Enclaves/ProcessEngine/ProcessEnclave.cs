using System.Globalization;
using System.Threading.Channels;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>One enclave of the process engine: its processes, and what answers them. Ends all of it when any part fails.</summary>
sealed class ProcessEnclave : IRunningEnclave, IEnterableEnclave
{
    static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(10);

    readonly LaunchControl _control;
    readonly EnclaveInterception _interception;
    readonly EnclaveProcesses _processes;
    readonly Task _console;
    readonly Channel<Stream> _reports = Channel.CreateUnbounded<Stream>();
    readonly CancellationTokenSource _disposing = new();

    // Taken at once: who serves the reports may ask for another when all is disposed already.
    readonly CancellationToken _ending;
    readonly List<Stream> _reporting = [];
    readonly Lock _lock = new();
    Task? _disposal;

    ProcessEnclave(LaunchControl control, EnclaveInterception interception, EnclaveProcesses processes, Task console, EnclaveEntrance entrance, IReadOnlyList<uint> cpus)
    {
        (Entrance, CpuIds, _ending) = (entrance, cpus, _disposing.Token);
        (_control, _interception, _processes, _console) = (control, interception, processes, console);
        Report(EnclaveReports.HeartbeatMessage);
        Ended = WatchAsync();
    }

    /// <inheritdoc/>
    public Task<EngineExit> Ended { get; }

    /// <inheritdoc/>
    public EnclaveEntrance Entrance { get; }

    /// <inheritdoc/>
    public IReadOnlyList<uint> CpuIds { get; }

    /// <summary>Starts an enclave, from its namespaces to its program. Blocks for some milliseconds.</summary>
    /// <exception cref="EnclaveException">It could not be started; nothing of it stays behind.</exception>
    public static ProcessEnclave Start(EnclaveLaunch launch, CancellationToken cancellationToken)
    {
        using var files = EnclaveFiles.Read(launch, cancellationToken);
        var program = files.Program;
        var cpus = EnclaveCpus.Choose(launch);
        var switchUser = program.User is not null && IdentityMaps.HasAllUsers;
        using var terminal = PseudoTerminal.Open();
        var filter = EnclaveFilter.Encode(EnclaveFilter.Build(CallNumbers.X64));
        var interception = EnclaveInterception.Serve(launch);
        LaunchControl? control = null;
        EnclaveProcesses? processes = null;
        try
        {
            control = LaunchControl.Start(
                EnclaveLaunchSequence.Create(launch, program, switchUser, terminal.Number, filter),
                [terminal.Theirs, terminal.Theirs, terminal.Theirs], cpus);
            using var giveUp = cancellationToken.Register(static state => ((LaunchControl)state!).Process.Signal(Interop.SIGKILL), control);
            terminal.Theirs.Dispose();

            control.Await();
            IdentityMaps.Write(control.Process.Id, program);
            control.Go();

            processes = EnclaveProcesses.Open((int)control.Await(), launch);
            control.Go();

            var rootDescriptor = (int)control.Await();
            using (var folder = processes.TakeDescriptor(rootDescriptor))
            {
                new RootWriter(folder, IdentityMaps.HasAllUsers).Write(files.Root, cancellationToken);
            }

            control.Go();
            interception.Attach(processes, (int)control.Await());
            processes.AwaitLimits();
            control.Go();
            control.AwaitProgram();
            return new ProcessEnclave(
                control, interception, processes, terminal.CopyAsync(launch.ConsoleOutput), EntranceOf(processes, filter, program, switchUser), cpus);
        }
        catch
        {
            control?.Process.Signal(Interop.SIGKILL);
            control?.Process.Exit.GetAwaiter().GetResult();
            processes?.End(s_endPatience);
            interception.Dispose();
            control?.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Admit(int process)
    {
        if (!_processes.HasEntered(process))
        {
            throw new EnclaveException(EnclaveFailure.ProcessSpawn, "The process has not entered the enclave.");
        }

        _processes.Limit(process);
        _interception.Admit(process);
    }

    /// <inheritdoc/>
    public async ValueTask<Stream> AcceptReportAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ending);
        return await _reports.Reader.ReadAsync(either.Token).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            return new ValueTask(_disposal ??= EndAsync());
        }
    }

    static EnclaveEntrance EntranceOf(EnclaveProcesses processes, byte[] filter, EnclaveProgram program, bool switchUser) => new()
    {
        FirstProcess = processes.FirstProcess,
        Filter = filter,
        Environment = program.Command.Environment,
        WorkingDirectory = program.Command.WorkingDirectory,
        UserId = switchUser ? program.User!.UserId : null,
        GroupId = program.User?.GroupId ?? 0,
        Groups = program.User?.SupplementaryGroups ?? [],
    };

    async Task EndAsync()
    {
        await _disposing.CancelAsync().ConfigureAwait(false);
        _processes.Kill();
        await Ended.ConfigureAwait(false);
        while (_reports.Reader.TryRead(out var stream))
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }

        _reporting.ForEach(stream => stream.Dispose());
        _control.Dispose();
        _disposing.Dispose();
    }

    async Task<EngineExit> WatchAsync()
    {
        var end = Task.Factory.StartNew(_control.AwaitEnd, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var failed = await Task.WhenAny(_control.Process.Exit, _interception.Failure).ConfigureAwait(false) == _interception.Failure;
        if (failed)
        {
            _processes.Kill();
        }

        await _control.Process.Exit.ConfigureAwait(false);
        var kills = await Task.Run(() => _processes.End(s_endPatience)).ConfigureAwait(false);
        await _console.ConfigureAwait(false);
        if (await end.ConfigureAwait(false) is { } status)
        {
            Report(EnclaveReports.EndMessage(status));
        }

        _interception.Dispose();
        return failed
            ? new EngineExit(true, $"The enclave's calls can no longer be answered: {await _interception.Failure.ConfigureAwait(false)}")
            : new EngineExit(false, "The enclave's processes have ended.") { Circumstance = Circumstance(kills) };
    }

    static string? Circumstance(int kills) => kills switch
    {
        0 => null,
        1 => "Its memory was full, and the kernel killed one of its processes.",
        _ => string.Create(CultureInfo.InvariantCulture, $"Its memory was full, and the kernel killed {kills} of its processes."),
    };

    // What nitro-init would say on port 9000.
    void Report(ReadOnlySpan<byte> message)
    {
        using var pair = SocketPair.Create();
        // The heartbeat is sent back: our end stays open for it.
        var ours = pair.TakeStream();
        _reporting.Add(ours);
        ours.Write(message);
        _reports.Writer.TryWrite(new System.Net.Sockets.NetworkStream(new System.Net.Sockets.Socket(pair.TakeTheirs()), ownsSocket: true));
    }
}
