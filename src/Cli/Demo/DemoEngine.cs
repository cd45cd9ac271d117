using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Demo;

/// <summary>
/// Which engine runs the demo: the best that isolates, as for any enclave; where there is none, the process engine, and the demo says so
/// (contracts, "Engines").
/// </summary>
/// <param name="Choice">The engine.</param>
/// <param name="Explanation">Why it is the process engine; null where nothing has to be explained.</param>
sealed record DemoEngine(EngineChoice Choice, string? Explanation)
{
    /// <summary>Chooses by what the engines say of themselves.</summary>
    public static DemoEngine Choose(EngineAvailability qemu, Func<EngineAvailability> process) =>
        qemu.IsAvailable || process() is not { IsAvailable: true }
            ? new DemoEngine(EngineChoice.Auto, null)
            : new DemoEngine(EngineChoice.Process, $"The process engine runs the enclave, because QEMU cannot: {qemu.Explanation}");
}
