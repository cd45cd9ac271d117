namespace NitroEnclaves.Enclaves.Tests;

/// <summary>A process that was started before its enclave's options are known.</summary>
public sealed class StartAheadTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    EnclaveLauncher Launcher => new("/bin/sh", "-c", $"echo $$ >> {_folder["started"]}; exec sleep 1000");

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
