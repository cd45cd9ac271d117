namespace NitroEnclaves.Enclaves;

/// <summary>Chooses the engine of an enclave (contracts, "Engines").</summary>
public static class EngineSelector
{
    /// <summary>What each engine says about running here and now, in the order in which <c>auto</c> prefers them.</summary>
    /// <param name="options">Where the engines' parts are to be looked for.</param>
    public static IReadOnlyList<EngineAvailability> Probe(EnclaveOptions options) =>
        [new NitroEngine().Probe(), s_machine, new QemuEngine(options.QemuPath).Probe(), new ProcessEngine().Probe()];

    /// <summary>Chooses the engine that the options ask for.</summary>
    /// <param name="options">The enclave's options.</param>
    /// <param name="chosen">Told what was chosen and how it will run the enclave.</param>
    /// <exception cref="EnclaveException">It cannot run here (<see cref="EnclaveFailure.EngineUnavailable"/>); the message says what to do.</exception>
    public static IEnclaveEngine Select(EnclaveOptions options, Action<EngineAvailability>? chosen = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Select(options.Engine, static () => new NitroEngine(), () => new QemuEngine(options.QemuPath), chosen);
    }

    // An engine looks at this machine when it is made: only those that matter are.
    internal static IEnclaveEngine Select(EngineChoice choice, Func<IEnclaveEngine> nitro, Func<IEnclaveEngine> qemu, Action<EngineAvailability>? chosen)
    {
        var engine = choice switch
        {
            EngineChoice.Machine => throw new EnclaveException(EnclaveFailure.EngineUnavailable, s_machine.Explanation),
            EngineChoice.Process => new ProcessEngine(),
            EngineChoice.Nitro => nitro(),
            EngineChoice.Auto when nitro() is var real && real.Probe().IsAvailable => real,
            _ => qemu(),
        };
        var availability = engine.Probe();
        if (!availability.IsAvailable)
        {
            throw new EnclaveException(EnclaveFailure.EngineUnavailable, availability.Explanation);
        }

        chosen?.Invoke(availability);
        return engine;
    }

    static readonly EngineAvailability s_machine = new(
        "machine", false, "The machine engine, our own virtual machine on /dev/kvm, is not part of this version: use the qemu engine.");
}
