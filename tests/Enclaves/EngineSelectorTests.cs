namespace NitroEnclaves.Enclaves.Tests;

public sealed class EngineSelectorTests
{
    [Theory]
    [InlineData(EngineChoice.Auto)]
    [InlineData(EngineChoice.Qemu)]
    public void QEMU_is_taken_where_it_can_run(EngineChoice choice)
    {
        var qemu = new ProbedEngine(new EngineAvailability("qemu", true, "It runs."));
        var told = new List<EngineAvailability>();
        Assert.Same(qemu, EngineSelector.Select(choice, qemu, hasNitroDevice: false, told.Add));
        Assert.Equal(["It runs."], told.Select(availability => availability.Explanation));
    }

    [Theory]
    [InlineData(EngineChoice.Nitro, true, "does not drive it yet")]
    [InlineData(EngineChoice.Nitro, false, "is not there")]
    [InlineData(EngineChoice.Machine, true, "not part of this version")]
    [InlineData(EngineChoice.Auto, false, "Install it.")]
    [InlineData(EngineChoice.Qemu, false, "Install it.")]
    public void An_engine_that_cannot_run_says_why(EngineChoice choice, bool hasNitroDevice, string explanation)
    {
        var qemu = new ProbedEngine(new EngineAvailability("qemu", false, "Install it."));
        var refusal = Assert.Throws<EnclaveException>(() => EngineSelector.Select(choice, qemu, hasNitroDevice, null));
        Assert.Equal((EnclaveFailure.EngineUnavailable, 19), (refusal.Failure, refusal.NitroCliCode));
        Assert.Contains(explanation, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void On_a_parent_auto_says_that_Nitro_is_not_driven_yet()
    {
        var told = new List<EngineAvailability>();
        EngineSelector.Select(EngineChoice.Auto, new ProbedEngine(new EngineAvailability("qemu", true, "It runs.")), hasNitroDevice: true, told.Add);
        Assert.Equal(["nitro", "qemu"], told.Select(availability => availability.Engine));
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
