using NitroEnclaves.Cli.Demo;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Tests;

public sealed class DemoEngineTests
{
    static readonly EngineAvailability s_noQemu = new("qemu", false, "There is no QEMU.");
    static readonly EngineAvailability s_process = new("process", true, "It is no isolation boundary.");

    [Fact]
    public void A_usable_qemu_is_taken_and_the_process_engine_not_even_asked() => Assert.Equal(
        new DemoEngine(EngineChoice.Auto, null),
        DemoEngine.Choose(s_noQemu with { IsAvailable = true }, () => throw new InvalidOperationException("The process engine was asked.")));

    [Fact]
    public void Without_qemu_the_process_engine_is_taken_and_said_to_be()
    {
        var engine = DemoEngine.Choose(s_noQemu, () => s_process);
        Assert.Equal(EngineChoice.Process, engine.Choice);
        Assert.Equal("The process engine runs the enclave, because QEMU cannot: There is no QEMU.", engine.Explanation);
    }

    [Fact]
    public void Without_either_the_choice_fails_as_for_any_enclave() =>
        Assert.Equal(new DemoEngine(EngineChoice.Auto, null), DemoEngine.Choose(s_noQemu, () => s_process with { IsAvailable = false }));
}
