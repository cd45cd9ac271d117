namespace NitroEnclaves.Enclaves.Tests;

public sealed class KvmTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly string _device;
    readonly KvmProbeCache _cache;

    public KvmTests()
    {
        _device = _folder["kvm"];
        File.WriteAllText(_device, "");
        File.WriteAllText(_folder["boot_id"], "first\n");
        _cache = new KvmProbeCache(_folder["cache"], _folder["boot_id"]);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_probe_comes_to_an_end_on_this_machine() => Assert.True(Enum.IsDefined(KvmProbe.Run()));

    [Fact]
    public void Without_the_device_nothing_is_probed()
    {
        var availability = KvmAvailability.Find(_folder["none"], _cache, () => throw new InvalidOperationException());
        Assert.False(availability.IsUsable);
        Assert.Contains("no", availability.Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void The_guest_runs_once_per_boot()
    {
        var runs = 0;
        KvmProbeResult Probe()
        {
            runs++;
            return KvmProbeResult.Passed;
        }

        Assert.True(KvmAvailability.Find(_device, _cache, Probe).IsUsable);
        Assert.True(KvmAvailability.Find(_device, _cache, Probe).IsUsable);
        Assert.Equal(1, runs);

        File.WriteAllText(_folder["boot_id"], "second\n");
        Assert.True(KvmAvailability.Find(_device, _cache, Probe).IsUsable);
        Assert.Equal(2, runs);
    }

    [Theory]
    [InlineData("")]
    [InlineData("first")]
    [InlineData("first Perfect")]
    [InlineData("first 77")]
    [InlineData("other Passed")]
    public void A_cache_that_makes_no_sense_is_not_believed(string contents)
    {
        Directory.CreateDirectory(_folder["cache"]);
        File.WriteAllText(_folder["cache/kvm-probe"], contents);
        Assert.False(KvmAvailability.Find(_device, _cache, () => KvmProbeResult.Incomplete).IsUsable);
        Assert.Equal(KvmProbeResult.Incomplete, _cache.Read());
    }

    [Fact]
    public void A_cache_that_cannot_be_written_does_not_matter()
    {
        File.WriteAllText(_folder["cache"], "in the way");
        Assert.True(KvmAvailability.Find(_device, _cache, () => KvmProbeResult.Passed).IsUsable);
    }

    [Fact]
    public void A_guest_that_did_nothing_has_not_passed()
    {
        var memory = new byte[KvmProbeGuest.MemorySize];
        KvmProbeGuest.Load(memory);
        Assert.False(KvmProbeGuest.HasPassed(memory));
    }
}
