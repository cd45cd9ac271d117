using System.Collections.Concurrent;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class EnclaveRegistryTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly EnclaveRegistry _registry;

    public EnclaveRegistryTests() => _registry = new EnclaveRegistry(_folder.Path);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Enclaves_get_the_lowest_free_CIDs_and_names_of_their_own()
    {
        var slots = Samples.Counting();
        using var first = _registry.Register(Samples.Options, "qemu", slots);
        var second = _registry.Register(Samples.Options, "qemu", slots);
        using var third = _registry.Register(Samples.Options with { EnclaveCid = 100 }, "qemu", slots);

        Assert.Equal([16u, 17u, 100u], _registry.List().Select(entry => entry.Cid));
        Assert.Equal(["01_x86_1rd", "01_x86_1rd_1", "01_x86_1rd_2"], _registry.List().Select(entry => entry.Name));
        Assert.Equal($"{Samples.Parent}-enc0000000000000001", first.Entry.Id);

        second.Dispose();
        using var again = _registry.Register(Samples.Options, "qemu", slots);
        Assert.Equal((17u, "01_x86_1rd_1"), (again.Entry.Cid, again.Entry.Name));
    }

    [Fact]
    public void A_CID_belongs_to_one_enclave()
    {
        using var first = _registry.Register(Samples.Options with { EnclaveCid = 42 }, "qemu", Samples.Counting());
        var refusal = Assert.Throws<EnclaveException>(() => _registry.Register(Samples.Options with { EnclaveCid = 42 }, "qemu", SlotSource.Random));
        Assert.Equal(EnclaveFailure.InvalidArgument, refusal.Failure);
        Assert.Contains(first.Entry.Id, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_id_belongs_to_one_enclave()
    {
        var options = Samples.Options with { ModuleId = $"{Samples.Parent}-enc0000000000000007" };
        using var first = _registry.Register(options, "qemu", SlotSource.Random);
        Assert.Equal(options.ModuleId, first.Entry.Id);
        Assert.Equal(EnclaveFailure.ConflictingArgument, Assert.Throws<EnclaveException>(() => _registry.Register(options, "qemu", SlotSource.Random)).Failure);
    }

    [Fact]
    public async Task Enclaves_registered_at_the_same_time_share_nothing()
    {
        const int Count = 16;
        var registrations = new ConcurrentBag<EnclaveRegistration>();
        await Task.WhenAll(Enumerable.Range(0, Count).Select(_ => Task.Run(
            () => registrations.Add(new EnclaveRegistry(_folder.Path).Register(Samples.Options, "qemu", SlotSource.Random)))));

        Assert.Equal(Enumerable.Range(16, Count).Select(cid => (uint)cid), _registry.List().Select(entry => entry.Cid));
        Assert.Equal(Count, registrations.Select(registration => registration.Entry.Name).Distinct().Count());
        Assert.Equal(Count, registrations.Select(registration => registration.Entry.Id).Distinct().Count());
        Assert.All(registrations, registration => registration.Dispose());
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void What_a_dead_process_left_is_removed_by_who_looks()
    {
        var id = $"{Samples.Parent}-enc00000000000000aa";
        foreach (var name in (string[])[$"{id}.json", $"{id}.sock", $"{id}.vsock", $"{id}.vsock_9000", "heartbeat.socket"])
        {
            File.WriteAllText(_folder[name], "");
        }

        using var living = _registry.Register(Samples.Options, "qemu", Samples.Counting());
        Assert.Equal([living.Entry], _registry.List());
        Assert.Equal([$"{living.Entry.Id}.json"], Directory.EnumerateFiles(_folder.Path).Select(Path.GetFileName));

        // This one may be the living enclave's.
        File.WriteAllText(_folder["heartbeat.socket"], "");
        Assert.Single(_registry.List());
        Assert.True(File.Exists(_folder["heartbeat.socket"]));
    }

    [Fact]
    public void Files_of_others_stay()
    {
        foreach (var name in (string[])["1b2.sock", "notes.json", "i-0123456789abcdef0-enc1.json"])
        {
            File.WriteAllText(_folder[name], "{}");
        }

        Assert.Empty(_registry.List());
        Assert.Equal(3, Directory.EnumerateFiles(_folder.Path).Count());
    }

    [Fact]
    public void A_state_is_seen_by_others()
    {
        using var registration = _registry.Register(Samples.Options, "qemu", Samples.Counting());
        Assert.Equal(EnclaveState.Starting, _registry.Find(registration.Entry.Id).State);
        foreach (var state in Enum.GetValues<EnclaveState>())
        {
            registration.Enter(state);
            Assert.Equal(registration.Entry with { State = state }, _registry.FindByName(registration.Entry.Name));
        }

        registration.Enter(EnclaveState.Running);
        Assert.Equal(registration.Entry, _registry.Find(registration.Entry.Id));
    }

    [Fact]
    public void Unknown_ids_and_names_have_nitro_clis_codes()
    {
        Assert.Equal(11, Assert.Throws<EnclaveException>(() => _registry.Find("i-1")).NitroCliCode);
        Assert.Equal(58, Assert.Throws<EnclaveException>(() => _registry.FindByName("nobody")).NitroCliCode);
    }

    [Fact]
    public void A_folder_too_deep_for_sockets_is_refused_with_advice()
    {
        var deep = new EnclaveRegistry(_folder[new string('d', 60)]);
        var refusal = Assert.Throws<EnclaveException>(() => deep.Register(Samples.Options, "qemu", SlotSource.Random));
        Assert.Equal(EnclaveFailure.RegistryUnavailable, refusal.Failure);
        Assert.Contains("NITRO_CLI_SOCKETS_PATH", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_is_a_file_is_refused()
    {
        File.WriteAllText(_folder["file"], "");
        Assert.Equal(EnclaveFailure.RegistryUnavailable, Assert.Throws<EnclaveException>(() => new EnclaveRegistry(_folder["file"])).Failure);
    }

    [Theory]
    [InlineData("a", new string[0], "a")]
    [InlineData("a", new[] { "a" }, "a_1")]
    [InlineData("a", new[] { "a", "a_1", "a_3" }, "a_2")]
    public void A_taken_name_gets_a_number(string requested, string[] taken, string expected) =>
        Assert.Equal(expected, EnclaveNames.Unique(requested, taken.ToHashSet()));
}
