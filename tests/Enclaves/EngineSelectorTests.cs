namespace NitroEnclaves.Enclaves.Tests;

public sealed class EngineSelectorTests
{
    static readonly ProbedEngine s_noNitro = new(new EngineAvailability("nitro", false, "There is no device."));

    [Theory]
    [InlineData(EngineChoice.Auto)]
    [InlineData(EngineChoice.Qemu)]
    public void QEMU_is_taken_where_it_can_run(EngineChoice choice)
    {
        var qemu = new ProbedEngine(new EngineAvailability("qemu", true, "It runs."));
        var told = new List<EngineAvailability>();
        Assert.Same(qemu, EngineSelector.Select(choice, () => s_noNitro, () => qemu, told.Add));
        Assert.Equal(["It runs."], told.Select(availability => availability.Explanation));
    }

    [Theory]
    [InlineData(EngineChoice.Nitro, "There is no device.")]
    [InlineData(EngineChoice.Machine, "not part of this version")]
    [InlineData(EngineChoice.Auto, "Install it.")]
    [InlineData(EngineChoice.Qemu, "Install it.")]
    public void An_engine_that_cannot_run_says_why(EngineChoice choice, string explanation)
    {
        var qemu = new ProbedEngine(new EngineAvailability("qemu", false, "Install it."));
        var refusal = Assert.Throws<EnclaveException>(() => EngineSelector.Select(choice, () => s_noNitro, () => qemu, null));
        Assert.Equal((EnclaveFailure.EngineUnavailable, 19), (refusal.Failure, refusal.NitroCliCode));
        Assert.Contains(explanation, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(EngineChoice.Auto, "nitro")]
    [InlineData(EngineChoice.Nitro, "nitro")]
    [InlineData(EngineChoice.Qemu, "qemu")]
    public void On_a_parent_Nitro_comes_first(EngineChoice choice, string expected)
    {
        var nitro = new ProbedEngine(new EngineAvailability("nitro", true, "It runs."));
        var qemu = new ProbedEngine(new EngineAvailability("qemu", true, "It runs."));
        Assert.Equal(expected, EngineSelector.Select(choice, () => nitro, () => qemu, null).Name);
    }

    [Fact]
    public void A_QEMU_that_is_not_there_is_said_so() =>
        Assert.Contains("/nowhere/qemu", new QemuEngine("/nowhere/qemu").Probe().Explanation, StringComparison.Ordinal);

    [Fact]
    public void A_program_that_lacks_the_device_is_no_fit_QEMU()
    {
        var availability = new QemuEngine("/bin/true").Probe();
        Assert.False(availability.IsAvailable);
        Assert.Contains("vhost-user-test-device", availability.Explanation, StringComparison.Ordinal);
    }

    sealed class ProbedEngine(EngineAvailability availability) : IEnclaveEngine
    {
        public string Name => availability.Engine;

        public EngineAvailability Probe() => availability;

        public Task<IRunningEnclave> StartAsync(EnclaveLaunch launch, CancellationToken cancellationToken = default) =>
            throw new InvalidOperationException("Nobody starts this engine.");
    }
}
