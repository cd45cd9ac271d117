namespace NitroEnclaves.Enclaves;

/// <summary>
/// Starts enclaves in one way. An engine says what it can do here and now; it never looks into what a guest sends, that is the devices'.
/// </summary>
public interface IEnclaveEngine
{
    /// <summary>The engine's name as the command line has it, for example <c>qemu</c>.</summary>
    string Name { get; }

    /// <summary>
    /// Whether its enclaves have an NSM of their own, as the hypervisor's have; <see cref="EnclaveLaunch.Nsm"/> is then not asked, and no local
    /// authority is needed.
    /// </summary>
    bool HasNsm => false;

    /// <summary>Whether the engine can run enclaves here and now, and how or why not. Takes milliseconds and changes nothing.</summary>
    EngineAvailability Probe();

    /// <summary>
    /// Sets aside what the enclave's id is made of, before it has one. An engine whose enclaves are numbered by somebody else says the number
    /// here, and <see cref="StartAsync"/> then starts that one.
    /// </summary>
    /// <param name="options">What will be started.</param>
    /// <returns>The slot's number, or null where any will do.</returns>
    /// <exception cref="EnclaveException">The engine cannot run such an enclave now.</exception>
    ulong? Reserve(EnclaveOptions options) => null;

    /// <summary>Starts an enclave. What is returned runs, but has not said that it is ready.</summary>
    /// <param name="launch">What to start, with its devices' other ends.</param>
    /// <param name="cancellationToken">Gives the start up; nothing of it stays behind.</param>
    /// <exception cref="EnclaveException">It could not be started; nothing of it stays behind.</exception>
    Task<IRunningEnclave> StartAsync(EnclaveLaunch launch, CancellationToken cancellationToken = default);
}
