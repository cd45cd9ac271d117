namespace NitroEnclaves.Enclaves;

/// <summary>The CPUs that the parent has set aside for enclaves, and the rules for taking some (eif-and-nitro-cli 3.6).</summary>
/// <param name="Cpus">The pool, ascending.</param>
/// <param name="Node">The NUMA node of all of them.</param>
/// <param name="Cores">Which CPUs share a core.</param>
sealed record NitroCpuPool(IReadOnlyList<uint> Cpus, int Node, CoreTopology Cores)
{
    /// <summary>Reads the pool that the driver has.</summary>
    /// <exception cref="EnclaveException">There is no driver, or its file makes no sense.</exception>
    public static NitroCpuPool Read(KernelFiles files)
    {
        try
        {
            var cpus = CpuList.Parse(files.Read(EnclaveAllocator.PoolPath));
            var nodes = cpus.Select(cpu => CpuCore.NodeOf(files, cpu)).Distinct().ToArray();
            return nodes.Length <= 1
                ? new NitroCpuPool(cpus, nodes.FirstOrDefault(), CoreTopology.Read(files))
                : throw new EnclaveException(
                    EnclaveFailure.CpuPool, $"The pool of enclave CPUs ({CpuList.Format(cpus)}) is on several NUMA nodes ({string.Join(", ", nodes)}); an enclave's CPUs are on one. Set others aside: nitro allocate.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EnclaveException(
                EnclaveFailure.FileOperation, $"The pool of enclave CPUs cannot be read from {EnclaveAllocator.PoolPath}: {exception.Message} Is the driver loaded?", exception);
        }
    }

    /// <summary>Checks what an enclave asks for against the pool. Which CPUs other enclaves have, only the driver knows.</summary>
    /// <param name="options">Options that have been validated.</param>
    /// <returns>The CPUs to give it; 0 stands for one that the driver chooses.</returns>
    /// <exception cref="EnclaveException">
    /// The pool has not got them (<see cref="EnclaveFailure.NoSuchCpu"/>, <see cref="EnclaveFailure.InsufficientCpus"/>), or they are no whole
    /// cores (<see cref="EnclaveFailure.Driver"/>, as the driver would say at the start).
    /// </exception>
    public IReadOnlyList<uint> Choose(EnclaveOptions options)
    {
        if (options.CpuIds is { } ids)
        {
            var missing = ids.Where(id => !Cpus.Contains(id)).ToArray();
            if (missing.Length > 0)
            {
                throw new EnclaveException(EnclaveFailure.NoSuchCpu, $"CPU {CpuList.Format(missing)} is not in the pool of enclave CPUs ({Describe()}).");
            }

            foreach (var id in ids)
            {
                if (Cores.SiblingsOf(id) is { } core && !core.All(ids.Contains))
                {
                    throw PartialCores($"CPUs {CpuList.Format(core)} share one, so name all of them or none.");
                }
            }
        }
        else if (options.VcpuCount > Cpus.Count)
        {
            throw new EnclaveException(
                EnclaveFailure.InsufficientCpus, $"{options.VcpuCount} CPUs were asked for, but the pool of enclave CPUs has {Cpus.Count} ({Describe()}).");
        }

        if (options.VcpuCount % Cores.ThreadsPerCore != 0)
        {
            throw PartialCores($"{options.VcpuCount} CPUs were asked for, and a core of this machine has {Cores.ThreadsPerCore}: ask for a multiple of that.");
        }

        return options.CpuIds ?? [.. Enumerable.Repeat(0u, options.VcpuCount)];
    }

    static EnclaveException PartialCores(string why) => new(EnclaveFailure.Driver, $"An enclave gets all CPUs of each of its cores: {why}");

    string Describe() => Cpus.Count == 0 ? "it is empty: run nitro allocate" : CpuList.Format(Cpus);
}
