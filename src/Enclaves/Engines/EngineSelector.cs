namespace NitroEnclaves.Enclaves;

/// <summary>Chooses the engine of an enclave (contracts, "Engines").</summary>
public static class EngineSelector
{
    const string NitroDevice = "/dev/nitro_enclaves";

    /// <summary>What each engine says about running here and now, in the order in which <c>auto</c> prefers them.</summary>
    /// <param name="options">Where the engines' parts are to be looked for.</param>
    public static IReadOnlyList<EngineAvailability> Probe(EnclaveOptions options) =>
        [ProbeNitro(File.Exists(NitroDevice)), s_machine, new QemuEngine(options.QemuPath).Probe(), new ProcessEngine().Probe()];

    /// <summary>Chooses the engine that the options ask for.</summary>
    /// <param name="options">The enclave's options.</param>
    /// <param name="chosen">Told what was chosen and how it will run the enclave.</param>
    /// <exception cref="EnclaveException">It cannot run here (<see cref="EnclaveFailure.EngineUnavailable"/>); the message says what to do.</exception>
    public static IEnclaveEngine Select(EnclaveOptions options, Action<EngineAvailability>? chosen = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Select(options.Engine, new QemuEngine(options.QemuPath), File.Exists(NitroDevice), chosen);
    }

    internal static IEnclaveEngine Select(EngineChoice choice, IEnclaveEngine qemu, bool hasNitroDevice, Action<EngineAvailability>? chosen)
    {
        var availability = choice switch
        {
            EngineChoice.Nitro => ProbeNitro(hasNitroDevice),
            EngineChoice.Machine => s_machine,
            EngineChoice.Process => new ProcessEngine().Probe(),
            _ => qemu.Probe(),
        };
        if (choice == EngineChoice.Auto && hasNitroDevice)
        {
            chosen?.Invoke(ProbeNitro(hasNitroDevice));
        }

        if (!availability.IsAvailable)
        {
            throw new EnclaveException(EnclaveFailure.EngineUnavailable, availability.Explanation);
        }

        chosen?.Invoke(availability);
        return choice == EngineChoice.Process ? new ProcessEngine() : qemu;
    }

    static readonly EngineAvailability s_machine = new(
        "machine", false, "The machine engine, our own virtual machine on /dev/kvm, is not part of this version: use the qemu engine.");

    static EngineAvailability ProbeNitro(bool hasDevice) => new("nitro", false, hasDevice
        ? $"{NitroDevice} is there, but this version does not drive it yet: start the image with AWS's nitro-cli, or here with the qemu engine."
        : $"{NitroDevice} is not there: this is no EC2 instance with enclaves enabled, or its driver is not loaded.");
}
