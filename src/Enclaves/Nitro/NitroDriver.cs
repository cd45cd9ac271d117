namespace NitroEnclaves.Enclaves;

/// <summary>The parent's driver of enclaves: <c>/dev/nitro_enclaves</c>, or a stand-in that enforces the same rules.</summary>
abstract class NitroDriver
{
    /// <summary>Asks the hypervisor for an enclave's slot.</summary>
    /// <exception cref="EnclaveException">There is no driver, or it refuses.</exception>
    public abstract NitroSlot CreateEnclave();
}

/// <summary>An enclave as the driver knows it. Disposing of it ends the enclave and gives its memory and CPUs back.</summary>
abstract class NitroSlot : IDisposable
{
    /// <summary>The slot's number, which the enclave's id ends in.</summary>
    public abstract ulong Number { get; }

    /// <summary>Completes when the enclave has ended: the driver hangs its descriptor up. There is no other sign, and no status.</summary>
    public abstract Task HungUp { get; }

    /// <summary>Where an EIF is to be loaded: an offset in bytes from the beginning of the enclave's memory.</summary>
    /// <exception cref="EnclaveException">The driver refuses.</exception>
    public abstract ulong GetImageOffset();

    /// <summary>Gives the enclave a region of this process's memory.</summary>
    /// <param name="address">The first byte, on a boundary of 2 MiB.</param>
    /// <param name="length">In bytes, a multiple of 2 MiB.</param>
    /// <exception cref="EnclaveException">The driver refuses.</exception>
    public abstract void AddMemory(nuint address, ulong length);

    /// <summary>Gives the enclave a CPU.</summary>
    /// <param name="cpu">The CPU, or 0 to let the driver choose.</param>
    /// <returns>The CPU that it got.</returns>
    /// <exception cref="EnclaveException">The driver refuses.</exception>
    public abstract uint AddCpu(uint cpu);

    /// <summary>Starts the enclave.</summary>
    /// <param name="debugMode">Whether its console may be read.</param>
    /// <param name="cid">Its CID, or 0 to let the hypervisor choose.</param>
    /// <returns>Its CID.</returns>
    /// <exception cref="EnclaveException">The driver refuses.</exception>
    public abstract ulong Start(bool debugMode, ulong cid);

    /// <inheritdoc/>
    public abstract void Dispose();
}
