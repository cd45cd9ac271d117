using NitroEnclaves.Fuzz.Targets;

namespace NitroEnclaves.Fuzz;

static class FuzzTargets
{
    public static IReadOnlyList<IFuzzTarget> All { get; } =
    [
        new CborFuzzTarget(),
        new CoseFuzzTarget(),
        new DocumentFuzzTarget(),
        new VirtqueueFuzzTarget(),
        new VsockFuzzTarget(),
        new PolicyFuzzTarget(),
        new EifFuzzTarget(),
        new CpioFuzzTarget(),
        new TarFuzzTarget(),
        new OciFuzzTarget(),
        new NsmFuzzTarget(),
        new NsmReplyFuzzTarget(),
        new EnvelopeFuzzTarget(),
        new KeyPolicyFuzzTarget(),
        new ConnectFuzzTarget(),
        new CommandFuzzTarget(),
        new AllocatorFuzzTarget(),
        new AllowlistFuzzTarget(),
        new ConfigurationFuzzTarget(),
        new RunRequestFuzzTarget(),
    ];
}
