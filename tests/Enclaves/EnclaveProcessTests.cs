using System.Net.Sockets;
using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>The background process's part of a launch, over the launcher's socket.</summary>
public sealed class EnclaveProcessTests : IAsyncDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly ScriptedEngine _engine = new();
    readonly LaunchChannel _launcher;
    readonly LaunchChannel _process;

    public EnclaveProcessTests()
    {
        using var pair = SocketPair.Create();
        _launcher = new LaunchChannel(pair.TakeStream());
        _process = new LaunchChannel(new NetworkStream(new Socket(pair.TakeTheirs()), ownsSocket: true));
    }

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    EnclaveOptions Options => Samples.Options with { RegistryPath = _folder["r"], AuthorityPath = _folder["authority"] };

    public async ValueTask DisposeAsync()
    {
        await _launcher.DisposeAsync();
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_launcher_hears_of_progress_start_and_end()
    {
        var serving = Serve(Options);
        var run = await _engine.Started.WaitAsync(Cancellation);
        Assert.Equal("The test runs it.", (await _launcher.ReceiveAsync(Cancellation))?.Progress);
        Assert.Equal("Start allocating memory...", (await _launcher.ReceiveAsync(Cancellation))?.Progress);
        run.Report(0xb7);
        Assert.Equal("Started enclave with enclave-cid: 16, memory: 256 MiB, cpu-ids: [0, 1]", (await _launcher.ReceiveAsync(Cancellation))?.Progress);
        Assert.Equal(16u, (await _launcher.ReceiveAsync(Cancellation))?.Started?.EnclaveCid);
        run.Report(0xee, 0, 7, 0, 0, 0);
        Assert.Equal(7, (await _launcher.ReceiveAsync(Cancellation))?.Ended?.Status);
        Assert.Equal(0, await serving);
    }

    [Fact]
    public async Task A_launcher_that_dies_during_the_boot_takes_the_enclave_along()
    {
        var serving = Serve(Options);
        var run = await _engine.Started.WaitAsync(Cancellation);
        await _launcher.DisposeAsync();
        Assert.Equal(1, await serving);
        AssertNothingIsLeft(run);
    }

    [Fact]
    public async Task An_enclave_that_is_bound_to_its_launcher_ends_with_it()
    {
        var serving = Serve(Options with { EndWithLauncher = true });
        var run = await StartedAsync();
        await _launcher.DisposeAsync();
        Assert.Equal(0, await serving);
        AssertNothingIsLeft(run);
    }

    [Fact]
    public async Task Any_other_enclave_runs_on()
    {
        var serving = Serve(Options);
        var run = await StartedAsync();
        await _launcher.DisposeAsync();
        var registry = new EnclaveRegistry(Options.RegistryPath);
        await registry.Connect(run.Launch.Id).TerminateAsync(Cancellation).ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.Equal(0, await serving);
        AssertNothingIsLeft(run);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_console_waits_for_nobody_when_the_launcher_has_died()
    {
        var time = new ManualTime();
        var serving = Serve(Options with { DebugMode = true, AttachConsole = true }, time);
        var run = await StartedAsync();
        run.Report(0xee, 0, 0, 0, 0, 0);
        run.End(failure: false, "It was reset.");
        await time.TimerAsync(EnclaveSupervisor.AttachPatience);
        await _launcher.DisposeAsync();
        Assert.Equal(0, await serving);
        AssertNothingIsLeft(run);
    }

    [Fact]
    public async Task An_enclave_whose_launcher_leaves_as_soon_as_it_hears_of_the_start_runs_on()
    {
        using var pair = SocketPair.Create();
        await using var launcher = new LaunchChannel(pair.TakeStream());
        await using var stream = new LateStream(new NetworkStream(new Socket(pair.TakeTheirs()), ownsSocket: true));
        await using var process = new LaunchChannel(stream);
        var log = new RecordedLog();
        var serving = EnclaveProcess.ServeAsync(process, Options, (_, _) => _engine, TimeProvider.System, ownsProcess: false, _ => [log]);
        var run = await StartedAsync(launcher);
        await launcher.DisposeAsync();
        await stream.WentOn.WaitAsync(Cancellation);
        await new EnclaveRegistry(Options.RegistryPath).Connect(run.Launch.Id).TerminateAsync(Cancellation).ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.Equal(0, await serving);
        Assert.Contains("The enclave was terminated by a command.", log.Lines.Select(line => line.Text));
        AssertNothingIsLeft(run);
    }

    [Fact]
    public async Task A_failed_boot_is_told_with_the_consoles_end()
    {
        var serving = Serve(Options);
        var run = await _engine.Started.WaitAsync(Cancellation);
        run.Launch.ConsoleOutput("panic\n"u8.ToArray());
        run.End(failure: false, "It was reset.");
        LaunchMessage? message;
        do
        {
            message = await _launcher.ReceiveAsync(Cancellation);
        }
        while (message?.Progress is not null);

        var failure = message!.Failed!.ToException();
        Assert.Equal((EnclaveFailure.BootFailure, "panic"), (failure.Failure, failure.ConsoleTail));
        Assert.Equal(1, await serving);
        AssertNothingIsLeft(run);
    }

    [Fact]
    public async Task What_a_file_refuses_is_told_in_its_words_alone()
    {
        _engine.Starting = () => throw new IOException("No space left on device.");
        var serving = Serve(Options);
        LaunchMessage? message;
        do
        {
            message = await _launcher.ReceiveAsync(Cancellation);
        }
        while (message?.Progress is not null);

        Assert.Equal((EnclaveFailure.FileOperation, "No space left on device."), (message?.Failed?.Failure, message?.Failed?.Message));
        Assert.Equal(1, await serving);
    }

    [Fact]
    public async Task Options_arrive_as_they_were_sent()
    {
        var options = new EnclaveOptions
        {
            EifPath = "/e",
            KernelPath = "/k",
            InitrdPaths = ["/a", "/é"],
            CommandLine = "x \"y\" \n",
            RootFolder = new RootFolder { Path = "/root", Program = new ProgramDescription { Command = ["/a", "b"], Environment = ["A=1"] } },
            MemoryMiB = 512,
            CpuCount = 2,
            CpuIds = [1, 3],
            EnclaveCid = 0xfffffffe,
            DebugMode = true,
            ConsoleWithoutDebugMode = true,
            AttachConsole = true,
            Forwards = ["tcp:1=vsock:2"],
            VsockAllow = [17, 18],
            Restart = new RestartPolicy { Mode = RestartMode.OnFailure, Limit = 3, Delay = TimeSpan.FromSeconds(2) },
            Name = "n",
            ParentRoleArn = "arn",
            ParentInstanceId = Samples.Parent,
            ModuleId = "m",
            Engine = EngineChoice.Qemu,
            AuthorityPath = "/authority",
            RegistryPath = "/registry",
            QemuPath = "/qemu",
            BootTimeout = TimeSpan.FromSeconds(1.5),
            EndWithLauncher = true,
        };
        await _launcher.SendOptionsAsync(options, Cancellation);
        var received = _process.ReceiveOptions(TimeSpan.FromMinutes(1));
        Assert.Equivalent(options, received, strict: true);
        var plain = new EnclaveOptions();
        Assert.All(
            typeof(EnclaveOptions).GetProperties().Where(property => property.CanWrite),
            property => Assert.NotEqual(property.GetValue(plain), property.GetValue(options)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_local_authority_is_for_engines_without_an_nsm(bool hasNsm)
    {
        _engine.HasNsm = hasNsm;
        File.WriteAllText(_folder["authority"], "This is no folder.");
        var serving = Serve(Options);
        var run = await _engine.Started.WaitAsync(Cancellation);
        run.Report(0xb7);
        LaunchMessage? message;
        do
        {
            message = await _launcher.ReceiveAsync(Cancellation);
        }
        while (message?.Progress is not null);

        Assert.Equal(hasNsm ? null : EnclaveFailure.FileOperation, message?.Failed?.Failure);
        await _launcher.DisposeAsync();
        if (hasNsm)
        {
            await new EnclaveRegistry(Options.RegistryPath).Connect(run.Launch.Id).TerminateAsync(Cancellation).ContinueWith(_ => { }, TaskScheduler.Default);
        }

        Assert.Equal(hasNsm ? 0 : 1, await serving);
        AssertNothingIsLeft(run);
    }

    [Fact]
    public async Task Nonsense_from_the_other_end_is_the_end()
    {
        using var pair = SocketPair.Create();
        await using var peer = pair.TakeStream();
        await using var channel = new LaunchChannel(new NetworkStream(new Socket(pair.TakeTheirs()), ownsSocket: true));
        await peer.WriteAsync((byte[])[3, 0, 0, 0, 0, 0, 0, 0, .. "{x}"u8], Cancellation);
        Assert.Null(await channel.ReceiveAsync(Cancellation));
    }

    async Task<ScriptedRun> StartedAsync(LaunchChannel? launcher = null)
    {
        var run = await _engine.Started.WaitAsync(Cancellation);
        run.Report(0xb7);
        while ((await (launcher ?? _launcher).ReceiveAsync(Cancellation))?.Started is null)
        {
        }

        return run;
    }

    Task<int> Serve(EnclaveOptions options, TimeProvider? time = null) => EnclaveProcess.ServeAsync(
        _process,
        options,
        (_, tell) =>
        {
            tell(_engine.Probe());
            return _engine;
        },
        time ?? TimeProvider.System,
        ownsProcess: false);

    void AssertNothingIsLeft(ScriptedRun run)
    {
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder["r"]));
        Assert.False(Directory.Exists($"/proc/{run.ChildId}"));
    }
}
