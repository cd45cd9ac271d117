using NitroEnclaves.Tests;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>The engine of real enclaves, unmodified, over a driver that enforces the real one's rules.</summary>
public sealed class NitroEngineTests : IDisposable
{
    static readonly EnclaveOptions s_options = Samples.Options with { ParentInstanceId = Samples.Parent, MemoryMiB = 64 };

    readonly StandInParent _parent = new();
    readonly CancellationTokenSource _stop = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _stop.Dispose();
        _parent.Dispose();
    }

    [Fact]
    public async Task An_enclave_is_started_described_and_terminated()
    {
        var (info, end) = await StartAsync(s_options with { MemoryMiB = 65 });
        var slot = Assert.Single(_parent.Driver.Slots).Value;
        Assert.Equal($"{Samples.Parent}-enc{slot.Number:x16}", info.EnclaveId);
        Assert.Equal((16u, 2, 66UL), (info.EnclaveCid, info.NumberOfCpus, info.MemoryMiB));
        Assert.Equal([1u, 5u], info.CpuIds);
        Assert.Equal(66UL << 20, slot.MemoryLength);
        var image = await File.ReadAllBytesAsync(Samples.EifPath, Cancellation);
        Assert.Equal(image, slot.Read(NitroDriverEnclave.ImageOffset, image.Length));
        Assert.Equal("nitro", Assert.Single(await _parent.Registry.DescribeAsync(cancellationToken: Cancellation)).Engine);

        await _parent.Registry.Connect(info.EnclaveId).TerminateAsync(Cancellation);
        Assert.Equal(EnclaveEndKind.Terminated, (await end).Kind);
        AssertNothingIsLeft();
    }

    [Fact]
    public async Task The_status_that_the_enclave_reports_is_its_end()
    {
        var (info, end) = await StartAsync(s_options);
        await using (await _parent.DialAsync(info.EnclaveCid, 0xee, 0, 42, 0, 0, 0))
        {
            Assert.Single(_parent.Driver.Slots).Value.End();
            Assert.Equal((EnclaveEndKind.Exited, 42), ((await end).Kind, (await end).Status));
        }

        AssertNothingIsLeft();
    }

    [Fact]
    public async Task An_enclave_that_hangs_up_has_ended_with_an_unknown_status()
    {
        var (_, end) = await StartAsync(s_options);
        Assert.Single(_parent.Driver.Slots).Value.End();
        Assert.Equal((EnclaveEndKind.Unknown, null), ((await end).Kind, (await end).Status));
        AssertNothingIsLeft();
    }

    [Fact]
    public async Task The_console_of_a_debug_enclave_is_recorded_from_its_start()
    {
        var asked = _parent.ServeConsoleAsync("Linux version\n"u8.ToArray());
        var (info, end) = await StartAsync(s_options with { DebugMode = true });
        Assert.True(Assert.Single(_parent.Driver.Slots).Value.IsDebugMode);
        Assert.Equal(10_016u, await asked);
        using var console = new NotifyingStream();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var following = _parent.Registry.Connect(info.EnclaveId).CopyConsoleAsync(console, follow: true, enough.Token);
        await console.WaitForLengthAsync("Linux version\n".Length, Cancellation);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following);
        Assert.Equal("Linux version\n", System.Text.Encoding.ASCII.GetString(console.ToArray()));
        await _stop.CancelAsync();
        await end;
    }

    [Fact]
    public async Task A_console_that_comes_late_is_waited_for()
    {
        var (info, end) = await StartAsync(s_options with { DebugMode = true });
        // Nobody has answered at the console's port until now.
        Assert.Equal(10_016u, await _parent.ServeConsoleAsync("late\n"u8.ToArray()));
        using var console = new NotifyingStream();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var following = _parent.Registry.Connect(info.EnclaveId).CopyConsoleAsync(console, follow: true, enough.Token);
        await console.WaitForLengthAsync("late\n".Length, Cancellation);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following);
        await _stop.CancelAsync();
        await end;
    }

    [Fact]
    public async Task A_kernel_and_ramdisks_are_put_together_on_the_fly()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["bzImage"], "kernel");
        File.WriteAllText(folder["first"], "first");
        File.WriteAllText(folder["second"], "second");
        var options = s_options with { EifPath = null, KernelPath = folder["bzImage"], InitrdPaths = [folder["first"], folder["second"]], CommandLine = "quiet" };
        var (info, end) = await StartAsync(options);
        var loaded = Assert.Single(_parent.Driver.Slots).Value.Read(NitroDriverEnclave.ImageOffset, 4096);
        Assert.True(loaded.AsSpan().StartsWith(".eif"u8));
        Assert.True(loaded.AsSpan().IndexOf("kernel"u8) < loaded.AsSpan().IndexOf("quiet"u8));
        Assert.True(loaded.AsSpan().IndexOf("first"u8) < loaded.AsSpan().IndexOf("second"u8));
        Assert.Equal("bzImage", info.EnclaveName);
        await _stop.CancelAsync();
        await end;
    }

    [Fact]
    public async Task An_image_of_another_architecture_is_refused()
    {
        using var folder = new TemporaryFolder();
        // An Image of aarch64 has its name at byte 56: put together, it is an image for aarch64.
        byte[] kernel = [.. new byte[56], .. "ARMd"u8, .. new byte[64]];
        File.WriteAllBytes(folder["Image"], kernel);
        File.WriteAllText(folder["initrd"], "initrd");
        var options = s_options with { EifPath = null, KernelPath = folder["Image"], InitrdPaths = [folder["initrd"]] };
        var isArm = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64;
        if (isArm)
        {
            File.WriteAllText(folder["Image"], "x86");
        }

        var exception = await Assert.ThrowsAsync<EnclaveException>(() => StartAsync(options));
        Assert.Equal((EnclaveFailure.InvalidImage, 35), (exception.Failure, exception.NitroCliCode));
        Assert.Contains(isArm ? "is for x86_64" : "is for aarch64", exception.Message, StringComparison.Ordinal);
        AssertNothingIsLeft();
    }

    [Theory]
    [InlineData(3u, null, EnclaveFailure.Driver, "all CPUs of each of its cores")]
    [InlineData(8u, null, EnclaveFailure.InsufficientCpus, "the pool of enclave CPUs has 6")]
    [InlineData(null, new uint[] { 1, 2 }, EnclaveFailure.Driver, "all CPUs of each of its cores")]
    [InlineData(null, new uint[] { 0, 4 }, EnclaveFailure.NoSuchCpu, "CPU 0,4 is not in the pool")]
    public async Task CPUs_that_it_cannot_have_are_refused(uint? count, uint[]? ids, EnclaveFailure failure, string message)
    {
        var exception = await Assert.ThrowsAsync<EnclaveException>(() => StartAsync(s_options with { CpuCount = count, CpuIds = ids }));
        Assert.Equal(failure, exception.Failure);
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
        AssertNothingIsLeft();
    }

    [Fact]
    public async Task Memory_that_is_not_set_aside_is_refused()
    {
        var exception = await Assert.ThrowsAsync<EnclaveException>(() => StartAsync(s_options with { MemoryMiB = 8192 }));
        Assert.Equal((EnclaveFailure.InsufficientMemoryAvailable, 27), (exception.Failure, exception.NitroCliCode));
        Assert.Contains("nitro allocate", exception.Message, StringComparison.Ordinal);
        AssertNothingIsLeft();
    }

    [Fact]
    public void An_image_that_does_not_fit_into_the_memory_is_refused()
    {
        using var image = Images.EifFile.Open(Samples.EifPath);
        using var memory = EnclaveMemory.Take(2 << 20, [new HugePages(2 << 20, 1)], _parent.MapPage);
        memory.Load(image, (2 << 20) - (ulong)image.Length, Cancellation);
        foreach (var offset in new ulong[] { (2 << 20) - (ulong)image.Length + 1, 3 << 20, ulong.MaxValue })
        {
            var exception = Assert.Throws<EnclaveException>(() => memory.Load(image, offset, Cancellation));
            Assert.Equal((EnclaveFailure.MemoryOverflow, 34), (exception.Failure, exception.NitroCliCode));
        }
    }

    [Fact]
    public async Task CPUs_of_a_running_enclave_are_not_given_twice()
    {
        var (_, end) = await StartAsync(s_options with { CpuIds = [1, 5], CpuCount = null });
        var exception = await Assert.ThrowsAsync<EnclaveException>(() => StartAsync(s_options with { CpuIds = [1, 5], CpuCount = null }));
        Assert.Contains("another enclave has its core", exception.Message, StringComparison.Ordinal);
        await _stop.CancelAsync();
        await end;
        AssertNothingIsLeft();
    }

    [Fact]
    public async Task Without_a_heartbeat_it_is_given_up()
    {
        var exception = await Assert.ThrowsAsync<EnclaveException>(
            () => StartAsync(s_options with { BootTimeout = TimeSpan.FromMilliseconds(300) }, ready: false));
        Assert.Equal(36, exception.NitroCliCode);
        AssertNothingIsLeft();
    }

    [Fact]
    public async Task Fifty_starts_at_once_all_succeed()
    {
        using var parent = new StandInParent(cores: 51, memoryMiB: 50 * 64);
        var started = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => StartAsync(s_options, parent: parent))));
        Assert.Equal(50, started.Select(enclave => enclave.Info.EnclaveCid).Distinct().Count());
        Assert.Equal(100, started.SelectMany(enclave => enclave.Info.CpuIds).Distinct().Count());
        await _stop.CancelAsync();
        await Task.WhenAll(started.Select(enclave => enclave.End));
        Assert.Empty(parent.Driver.Slots);
    }

    async Task<(EnclaveRunInfo Info, Task<EnclaveEnd> End)> StartAsync(EnclaveOptions options, bool ready = true, StandInParent? parent = null)
    {
        parent ??= _parent;
        var started = new TaskCompletionSource<EnclaveRunInfo>(TaskCreationOptions.RunContinuationsAsynchronously);
        var supervisor = new EnclaveSupervisor(options, parent.Registry, parent.Engine(), new UnusedSigner(), TimeProvider.System);
        var end = supervisor.RunAsync(
            _ => { },
            info =>
            {
                started.SetResult(info);
                return Task.CompletedTask;
            },
            _stop.Token);
        if (ready)
        {
            _ = SayReadyAsync(parent);
        }

        await await Task.WhenAny(end, started.Task);
        return (await started.Task, end);
    }

    // Plays one enclave that has just been started, whichever.
    static async Task SayReadyAsync(StandInParent parent)
    {
        while (true)
        {
            if (parent.Driver.Slots.Values.FirstOrDefault(slot => slot.Cid != 0 && slot.TakeTurn()) is { } slot)
            {
                await parent.SayReadyAsync(slot.Cid);
                return;
            }

            await Task.Delay(10, Cancellation);
        }
    }

    void AssertNothingIsLeft()
    {
        Assert.Empty(_parent.Driver.Slots);
        Assert.Empty(_parent.Registry.List());
        Assert.Empty(Directory.EnumerateFiles(_parent.Registry.FolderPath, "*.s*"));
    }
}
