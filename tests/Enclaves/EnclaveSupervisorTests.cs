using NitroEnclaves.Tests;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class EnclaveSupervisorTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly ScriptedEngine _engine = new();
    readonly EnclaveRegistry _registry;
    readonly CancellationTokenSource _stop = new();
    readonly TaskCompletionSource<EnclaveRunInfo> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public EnclaveSupervisorTests() => _registry = new EnclaveRegistry(_folder.Path);

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _stop.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task With_the_heartbeat_it_runs_until_a_command_ends_it()
    {
        var end = Supervise(Samples.Options);
        var run = await _engine.Started;
        Assert.Equal(EnclaveState.Starting, Assert.Single(_registry.List()).State);
        Assert.Empty(await _registry.DescribeAsync(cancellationToken: Cancellation));
        run.Report(0xb7);
        var info = await _started.Task.WaitAsync(Cancellation);
        Assert.Equal(
            ("01_x86_1rd", Environment.ProcessId, 16u, 2, 256ul),
            (info.EnclaveName, info.ProcessId, info.EnclaveCid, info.NumberOfCpus, info.MemoryMiB));
        Assert.Equal([0u, 1u], info.CpuIds);

        var description = Assert.Single(await _registry.DescribeAsync(metadata: true, Cancellation));
        Assert.Equal(("RUNNING", "NONE", "scripted"), (description.State, description.Flags, description.Engine));
        Assert.Equal(["HashAlgorithm", "PCR0", "PCR1", "PCR2"], description.Measurements!.Keys);
        Assert.NotNull(description.Metadata);

        var waiting = _registry.Connect(info.EnclaveId).WaitAsync(Cancellation);
        var termination = await _registry.Connect(info.EnclaveId).TerminateAsync(Cancellation);
        Assert.Equal((info.EnclaveId, true), (termination.EnclaveId, termination.Terminated));
        Assert.Equal(EnclaveEndKind.Terminated, (await waiting).Kind);
        Assert.Equal(EnclaveEndKind.Terminated, (await end).Kind);
        AssertNothingIsLeft(run);
    }

    [Theory]
    [InlineData(0, 7, EnclaveEndKind.Exited)]
    [InlineData(1, 9, EnclaveEndKind.Signaled)]
    public async Task The_enclaves_own_report_says_how_it_ended(byte kind, byte status, EnclaveEndKind expected)
    {
        var end = Supervise(Samples.Options);
        var run = await _engine.Started;
        run.Report(0xb7);
        await _started.Task.WaitAsync(Cancellation);
        run.Report(0xee, kind, status, 0, 0, 0);
        Assert.Equal((expected, (int)status), ((await end).Kind, (await end).Status));
        AssertNothingIsLeft(run);
    }

    [Fact]
    public async Task A_report_just_before_the_machine_is_gone_counts()
    {
        var end = Supervise(Samples.Options);
        var run = await _engine.Started;
        run.Report(0xb7);
        await _started.Task.WaitAsync(Cancellation);
        run.End(failure: false, "It was reset.");
        run.Report(0xee, 0, 3, 0, 0, 0);
        Assert.Equal((EnclaveEndKind.Exited, 3), ((await end).Kind, (await end).Status));
    }

    [Theory]
    [InlineData(false, EnclaveEndKind.Unknown, "status of its program is unknown")]
    [InlineData(true, EnclaveEndKind.EngineFailed, "It was reset.")]
    public async Task Without_a_report_the_status_is_unknown(bool failure, EnclaveEndKind expected, string explanation)
    {
        var end = Supervise(Samples.Options);
        var run = await _engine.Started;
        run.Report(0xb7);
        await _started.Task.WaitAsync(Cancellation);
        run.End(failure, "It was reset.");
        Assert.Equal((expected, null), ((await end).Kind, (await end).Status));
        Assert.Contains(explanation, (await end).Explanation, StringComparison.Ordinal);
        AssertNothingIsLeft(run);
    }

    [Fact]
    public async Task An_enclave_that_ends_before_its_heartbeat_failed_to_boot()
    {
        var end = Supervise(Samples.Options);
        var run = await _engine.Started;
        run.Launch.ConsoleOutput("Kernel panic\r\n"u8.ToArray());
        run.Report(0xee, 0, 127, 0, 0, 0);
        run.End(failure: false, "It was reset.");
        var failure = await Assert.ThrowsAsync<EnclaveException>(() => end);
        Assert.Equal((EnclaveFailure.BootFailure, 36, "Kernel panic"), (failure.Failure, failure.NitroCliCode, failure.ConsoleTail));
        Assert.Contains("status 127", failure.Message, StringComparison.Ordinal);
        AssertNothingIsLeft(run);
    }

    [Fact]
    public async Task A_heartbeat_that_is_none_fails_the_boot()
    {
        var end = Supervise(Samples.Options);
        var run = await _engine.Started;
        run.Report(0x01);
        Assert.Contains("0x01", (await Assert.ThrowsAsync<EnclaveException>(() => end)).Message, StringComparison.Ordinal);
        AssertNothingIsLeft(run);
    }

    [Fact]
    public async Task Without_a_heartbeat_the_boot_is_given_up()
    {
        var end = Supervise(Samples.Options with { BootTimeout = TimeSpan.FromMilliseconds(20) });
        var failure = await Assert.ThrowsAsync<EnclaveException>(() => end);
        Assert.Equal(EnclaveFailure.BootFailure, failure.Failure);
        Assert.Contains("No heartbeat", failure.Message, StringComparison.Ordinal);
        AssertNothingIsLeft(await _engine.Started);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task It_can_be_stopped_at_any_time(bool running)
    {
        var end = Supervise(Samples.Options);
        var run = await _engine.Started;
        if (running)
        {
            run.Report(0xb7);
            await _started.Task.WaitAsync(Cancellation);
        }

        await _stop.CancelAsync();
        if (running)
        {
            Assert.Equal(EnclaveEndKind.Terminated, (await end).Kind);
        }
        else
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => end);
        }

        AssertNothingIsLeft(run);
    }

    [Theory]
    [InlineData(false, false, 44)]
    [InlineData(true, false, 0)]
    [InlineData(false, true, 0)]
    public async Task The_console_is_for_debug_mode_or_on_demand(bool debug, bool onDemand, int code)
    {
        var end = Supervise(Samples.Options with { DebugMode = debug, ConsoleWithoutDebugMode = onDemand });
        var run = await _engine.Started;
        run.Launch.ConsoleOutput("hello\n"u8.ToArray());
        run.Report(0xb7);
        var info = await _started.Task.WaitAsync(Cancellation);
        var output = new MemoryStream();
        var refusal = await Record.ExceptionAsync(() => _registry.Connect(info.EnclaveId).CopyConsoleAsync(output, follow: false, Cancellation));
        Assert.Equal(code, (refusal as EnclaveException)?.NitroCliCode ?? 0);
        Assert.Equal(code == 0 ? 6 : 0, output.Length);
        await _stop.CancelAsync();
        await end;
    }

    [Fact]
    public async Task An_engine_that_cannot_start_leaves_nothing()
    {
        var engine = new FailingEngine();
        var supervisor = new EnclaveSupervisor(Samples.Options, _registry, engine, new UnusedSigner(), TimeProvider.System);
        var failure = await Assert.ThrowsAsync<EnclaveException>(() => supervisor.RunAsync(_ => { }, _ => Task.CompletedTask, Cancellation));
        Assert.Equal(EnclaveFailure.ProcessSpawn, failure.Failure);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task An_image_that_changes_while_it_starts_is_ended()
    {
        var path = Path.Combine(_folder.Path, "image.eif");
        File.Copy(Samples.EifPath, path);
        _engine.Starting = () => File.WriteAllBytes(path, File.ReadAllBytes(path)[..^1]);
        var end = Supervise(Samples.Options with { EifPath = path });
        var run = await _engine.Started;
        run.Report(0xb7);
        Assert.Equal(EnclaveFailure.InvalidImage, (await Assert.ThrowsAsync<EnclaveException>(() => end)).Failure);
        Assert.False(_started.Task.IsCompleted);
        Assert.False(Directory.Exists($"/proc/{run.ChildId}"));
        Assert.Equal([path], Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    public static TheoryData<string, EnclaveFailure, EnclaveOptions> Unstartable => new()
    {
        { "no file", EnclaveFailure.FileOperation, Samples.Options with { EifPath = "/nowhere/image.eif" } },
        { "no image", EnclaveFailure.InvalidImage, Samples.Options with { EifPath = TestVectors.Own("eif", "eif", "41_bad_magic.eif") } },
        { "wrong checksum", EnclaveFailure.InvalidImage, Samples.Options with { EifPath = TestVectors.Own("eif", "eif", "40_bad_crc.eif") } },
        { "expired certificate", EnclaveFailure.Signature, Samples.Options with { EifPath = TestVectors.Own("eif", "eif", "14_p384_expired.eif") } },
        { "another's key", EnclaveFailure.Signature, Samples.Options with { EifPath = TestVectors.Own("eif", "eif", "15_key_cert_mismatch.eif") } },
        { "changed after signing", EnclaveFailure.InvalidImage, Samples.Options with { EifPath = TestVectors.Own("eif", "eif", "53_ramdisk_flip_signed.eif") } },
        { "no kernel", EnclaveFailure.FileOperation, Samples.Options with { EifPath = null, KernelPath = "/nowhere/bzImage", InitrdPaths = ["/nowhere/initrd"] } },
    };

    [Theory]
    [MemberData(nameof(Unstartable))]
    public async Task What_cannot_be_started_is_refused_before_anything_runs(string what, EnclaveFailure failure, EnclaveOptions options)
    {
        Assert.NotEmpty(what);
        Assert.Equal(failure, (await Assert.ThrowsAsync<EnclaveException>(() => Supervise(options))).Failure);
        Assert.False(_engine.Started.IsCompleted);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task A_kernel_and_its_ramdisks_make_an_image_on_the_fly()
    {
        File.WriteAllText(_folder["bzImage"], "kernel");
        File.WriteAllText(_folder["first"], "boot");
        File.WriteAllText(_folder["second"], "application");
        var end = Supervise(Samples.Options with { EifPath = null, KernelPath = _folder["bzImage"], InitrdPaths = [_folder["first"], _folder["second"]], CommandLine = "quiet" });
        var run = await _engine.Started;
        Assert.Equal("quiet", run.Launch.Image!.CommandLine);
        Assert.Equal([4L, 11L], run.Launch.Image!.Ramdisks.Select(section => section.Size));
        Assert.Equal("bzImage", Assert.Single(_registry.List()).Name);
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => end);
    }

    Task<EnclaveEnd> Supervise(EnclaveOptions options) =>
        new EnclaveSupervisor(options, _registry, _engine, new UnusedSigner(), TimeProvider.System).RunAsync(
            _ => { },
            info =>
            {
                _started.SetResult(info);
                return Task.CompletedTask;
            },
            _stop.Token);

    void AssertNothingIsLeft(ScriptedRun run)
    {
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
        Assert.False(Directory.Exists($"/proc/{run.ChildId}"));
    }

    sealed class FailingEngine : IEnclaveEngine
    {
        public string Name => "failing";

        public EngineAvailability Probe() => new(Name, true, "");

        public Task<IRunningEnclave> StartAsync(EnclaveLaunch launch, CancellationToken cancellationToken = default) =>
            throw new EnclaveException(EnclaveFailure.ProcessSpawn, "It cannot.");
    }
}
