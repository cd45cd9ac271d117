namespace NitroEnclaves.Enclaves;

/// <summary>The CPUs that the parent has set aside for enclaves, and the rules for taking some (eif-and-nitro-cli 3.6).</summary>
/// <param name="Cpus">The pool, ascending.</param>
sealed record NitroCpuPool(IReadOnlyList<uint> Cpus)
{
    /// <summary>Reads the pool that the driver has.</summary>
    /// <exception cref="EnclaveException">There is no driver, or its file makes no sense.</exception>
    public static NitroCpuPool Read(KernelFiles files)
    {
        try
        {
            return new NitroCpuPool(CpuList.Parse(files.Read(EnclaveAllocator.PoolPath)));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EnclaveException(
                EnclaveFailure.FileOperation, $"The pool of enclave CPUs cannot be read from {EnclaveAllocator.PoolPath}: {exception.Message} Is the driver loaded?", exception);
        }
    }

    /// <summary>Checks what an enclave asks for against the pool.</summary>
    /// <param name="options">Options that have been validated.</param>
    /// <returns>The CPUs to give it; 0 stands for one that the driver chooses.</returns>
    /// <exception cref="EnclaveException">The pool has not got them.</exception>
    public IReadOnlyList<uint> Choose(EnclaveOptions options)
    {
        if (options.CpuIds is { } ids)
        {
            var missing = ids.Where(id => !Cpus.Contains(id)).ToArray();
            return missing.Length == 0 ? ids : throw new EnclaveException(
                EnclaveFailure.NoSuchCpu, $"CPU {CpuList.Format(missing)} is not in the pool of enclave CPUs ({Describe()}).");
        }

        return options.VcpuCount <= Cpus.Count ? [.. Enumerable.Repeat(0u, options.VcpuCount)] : throw new EnclaveException(
            EnclaveFailure.InsufficientCpus, $"{options.VcpuCount} CPUs were asked for, but the pool of enclave CPUs has {Cpus.Count} ({Describe()}).");
    }

    string Describe() => Cpus.Count == 0 ? "it is empty: run nitro allocate" : CpuList.Format(Cpus);
}
