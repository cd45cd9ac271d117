namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Ours and nitro-cli's in one folder: its client commands our enclaves, our registry commands its.</summary>
public sealed class NitroCliTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly EnclaveRegistry _registry;

    public NitroCliTests() => _registry = new EnclaveRegistry(_folder.Path);

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Nitro_clis_client_describes_names_and_terminates_our_enclaves()
    {
        var (first, second) = (new ScriptedEngine(), new ScriptedEngine());
        var ends = new[] { await StartAsync(first), await StartAsync(second) };
        // Nobody serves it: nitro-cli removes it, and nothing of ours.
        File.WriteAllText(_folder["ab1.sock"], "");
        File.WriteAllText(_folder[HeartbeatPort.SocketName], "");
        var client = new NitroCliClient(_folder.Path);
        var descriptions = await Task.Run(() => client.Describe(metadata: true), Cancellation);
        Assert.Equal(
            _registry.List().Select(entry => entry.Id).Order(), descriptions.Select(description => description.GetProperty("EnclaveID").GetString()).Order());
        Assert.All(descriptions, description => Assert.Equal("RUNNING", description.GetProperty("State").GetString()));
        Assert.False(File.Exists(_folder["ab1.sock"]));

        var id = Assert.Single(await Task.Run(() => client.IdsOf("01_x86_1rd_1"), Cancellation));
        Assert.Empty(await Task.Run(() => client.IdsOf("nobody"), Cancellation));
        var terminated = await Task.Run(() => client.Terminate(id), Cancellation);
        Assert.Equal((id, true), (terminated.GetProperty("EnclaveID").GetString(), terminated.GetProperty("Terminated").GetBoolean()));
        Assert.Equal(EnclaveEndKind.Terminated, (await ends[1]).Kind);
        var other = Assert.Single(_registry.List()).Id;
        await Task.Run(() => client.Terminate(other), Cancellation);
        Assert.Equal(EnclaveEndKind.Terminated, (await ends[0]).Kind);
        Assert.Equal([HeartbeatPort.SocketName], Directory.EnumerateFileSystemEntries(_folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Our_registry_describes_finds_and_terminates_enclaves_of_nitro_cli()
    {
        using var daemon = new NitroCliDaemon(_folder.Path);
        var own = new ScriptedEngine();
        var end = await StartAsync(own);
        var descriptions = await _registry.DescribeAsync(cancellationToken: Cancellation);
        Assert.Equal([("01_x86_1rd", "scripted", 16u), ("hello", "nitro-cli", 20u)], descriptions.Select(enclave => (enclave.EnclaveName, enclave.Engine, enclave.EnclaveCid)));
        Assert.Equal([1u, 3u], descriptions[1].CpuIds);
        Assert.Equal(NitroCliDaemon.Id, (await _registry.FindByNameAsync("hello", Cancellation)).Id);
        Assert.Equal((20u, 4711), await _registry.FindAsync(NitroCliDaemon.Id, Cancellation) is var found ? (found.Cid, found.ProcessId) : default);
        var client = _registry.Connect(NitroCliDaemon.Id);
        Assert.Equal(20u, await client.GetCidAsync(Cancellation));

        // Byte for byte what nitro-cli's own client sends: the command twice in frames of 8 bytes of length, then the argument.
        Assert.Equal(
            "0900000000000000" + "684465736372696265" + "0900000000000000" + "684465736372696265" + "0b00000000000000" + "a1686d65746164617461f4",
            Convert.ToHexStringLower(daemon.Requests[0]));
        Assert.Equal(
            "0e00000000000000" + "6d476574456e636c617665434944" + "0e00000000000000" + "6d476574456e636c617665434944", Convert.ToHexStringLower(daemon.Requests[^1]));
        await _registry.Connect(Assert.Single(_registry.List()).Id).TerminateAsync(Cancellation);
        await end;
        Assert.True((await client.TerminateAsync(Cancellation)).Terminated);
        Assert.Equal("0a00000000000000" + "695465726d696e617465" + "0a00000000000000" + "695465726d696e617465", Convert.ToHexStringLower(daemon.Requests[^1]));
    }

    [Fact]
    public async Task A_name_of_two_enclaves_is_refused_and_sockets_without_an_enclave_are_passed_over()
    {
        using var daemon = new NitroCliDaemon(_folder.Path);
        var end = await StartAsync(new ScriptedEngine(), "hello");
        File.WriteAllText(_folder["cafe.sock"], "");
        File.WriteAllText(_folder["notes.sock"], "");
        var failure = await Assert.ThrowsAsync<EnclaveException>(() => _registry.FindByNameAsync("hello", Cancellation));
        Assert.Equal(58, failure.NitroCliCode);
        Assert.Contains(NitroCliDaemon.Id, failure.Message, StringComparison.Ordinal);
        Assert.Equal(2, (await _registry.ListAsync(Cancellation)).Count);
        Assert.Equal(11, (await Assert.ThrowsAsync<EnclaveException>(() => _registry.FindAsync("i-1", Cancellation))).NitroCliCode);
        await _registry.Connect(Assert.Single(_registry.List()).Id).TerminateAsync(Cancellation);
        await end;
    }

    async Task<Task<EnclaveEnd>> StartAsync(ScriptedEngine engine, string? name = null)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var end = new EnclaveSupervisor(Samples.Options with { Name = name }, _registry, engine, new UnusedSigner(), TimeProvider.System).RunAsync(
            _ => { },
            _ =>
            {
                started.SetResult();
                return Task.CompletedTask;
            },
            CancellationToken.None);
        (await engine.Started).Report(0xb7);
        await started.Task.WaitAsync(Cancellation);
        return end;
    }
}
