using System.Net.Sockets;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>A process that was started before its enclave's options are known.</summary>
public sealed class StartAheadTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // It ends as an enclave's process does, when its launcher hangs up.
    EnclaveLauncher Launcher => new("/bin/sh", "-c", $"echo $$ >> {_folder["started"]}; exec cat <&3");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task One_that_is_not_taken_ends_with_its_launcher()
    {
        int process;
        using (var launcher = Launcher)
        {
            launcher.StartAhead();
            launcher.StartAhead();
            process = int.Parse(Assert.Single(await StartedAsync()));
            Assert.True(Directory.Exists($"/proc/{process}"));
        }

        Assert.False(Directory.Exists($"/proc/{process}"));
    }

    [Fact]
    public async Task The_next_enclave_takes_it()
    {
        using var launcher = Launcher;
        launcher.StartAhead();
        var process = Assert.Single(await StartedAsync());
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var starting = launcher.StartAsync(Samples.Options with { RegistryPath = _folder["registry"] }, null, giveUp.Token);
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting);
        Assert.Equal([process], await StartedAsync());
        Assert.False(Directory.Exists($"/proc/{process}"));
    }

    [Fact]
    public async Task One_that_has_ended_before_it_was_taken_is_told_as_a_failure()
    {
        using var launcher = new EnclaveLauncher("/bin/sh", "-c", $"echo ended > {_folder["started"]}");
        launcher.StartAhead();
        await StartedAsync();
        // It closes its end when it is gone, a moment later: whether what is sent to it then still has a reader, or a write fails, is all the same.
        await Task.Delay(TimeSpan.FromMilliseconds(100), Cancellation);
        var failure = await Assert.ThrowsAsync<EnclaveException>(
            () => launcher.StartAsync(Samples.Options with { RegistryPath = _folder["registry"] }, null, Cancellation));
        Assert.Equal(EnclaveFailure.ProcessConnection, failure.Failure);
    }

    [Fact]
    public async Task What_fails_after_the_start_is_told_as_the_end()
    {
        using var pair = SocketPair.Create();
        await using var process = new LaunchChannel(new NetworkStream(new Socket(pair.TakeTheirs()), ownsSocket: true));
        var info = new EnclaveRunInfo { EnclaveName = "n", EnclaveId = $"{Samples.Parent}-enc0000000000000001", ProcessId = 1, EnclaveCid = 16, NumberOfCpus = 1, CpuIds = [0], MemoryMiB = 1 };
        var child = ChildProcess.Start(new ChildProcessStart { FileName = "/bin/true" });
        await using var enclave = new LaunchedEnclave(info, new EnclaveRegistry(_folder["registry"]), new LaunchChannel(pair.TakeStream()), child, endWithLauncher: false);
        await process.SendAsync(new LaunchMessage { Failed = new LaunchFailure(EnclaveFailure.RegistryUnavailable, "The folder is gone.", null) }, Cancellation);
        await process.DisposeAsync();
        var end = await enclave.WaitAsync(Cancellation);
        Assert.Equal((EnclaveEndKind.EngineFailed, "The folder is gone."), (end.Kind, end.Explanation));
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_told_by_the_start()
    {
        using var launcher = new EnclaveLauncher("/nowhere/nitro");
        launcher.StartAhead();
        var failure = await Assert.ThrowsAsync<EnclaveException>(
            () => launcher.StartAsync(Samples.Options with { RegistryPath = _folder["registry"] }, null, Cancellation));
        Assert.Equal(EnclaveFailure.ProcessSpawn, failure.Failure);
    }

    async Task<string[]> StartedAsync()
    {
        while (!File.Exists(_folder["started"]) || !(await File.ReadAllTextAsync(_folder["started"], Cancellation)).EndsWith('\n'))
        {
            await Task.Delay(5, Cancellation);
        }

        return await File.ReadAllLinesAsync(_folder["started"], Cancellation);
    }
}
