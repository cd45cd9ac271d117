namespace NitroEnclaves.Enclaves;

/// <summary>
/// Sets CPUs and huge pages of a parent instance aside for enclaves, on one NUMA node, as the service <c>nitro-enclaves-allocator</c> does
/// (eif-and-nitro-cli 3.8). It fails whole: memory and CPUs are then as they were.
/// </summary>
public sealed class EnclaveAllocator
{
    /// <summary>The driver's file with the CPUs that are set aside.</summary>
    public const string PoolPath = "/sys/module/nitro_enclaves/parameters/ne_cpus";

    readonly KernelFiles _files;

    /// <summary>An allocator for this machine.</summary>
    public EnclaveAllocator()
        : this(KernelFiles.Machine)
    {
    }

    internal EnclaveAllocator(KernelFiles files) => _files = files;

    /// <summary>Sets aside what a configuration asks for, in place of what was set aside before.</summary>
    /// <param name="configuration">What to set aside.</param>
    /// <returns>What the kernel says that is set aside now.</returns>
    /// <exception cref="EnclaveException">
    /// The driver is not loaded (<see cref="EnclaveFailure.EngineUnavailable"/>), an enclave runs or this user may not
    /// (<see cref="EnclaveFailure.CpuPool"/>), or the machine has not got that many CPUs (<see cref="EnclaveFailure.InsufficientCpus"/>,
    /// <see cref="EnclaveFailure.NoSuchCpu"/>) or that much memory (<see cref="EnclaveFailure.InsufficientMemoryAvailable"/>).
    /// </exception>
    public EnclaveAllocation Allocate(AllocatorConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (!_files.Exists(PoolPath))
        {
            throw new EnclaveException(
                EnclaveFailure.EngineUnavailable, $"{PoolPath} is not there: load the driver (modprobe nitro_enclaves) on an EC2 instance with enclaves enabled.");
        }

        var previous = _files.Read(PoolPath);
        // Back on-line first: CPUs that are set aside are off-line, and of those the kernel does not tell which share a core.
        EmptyPool("give the CPUs back that were set aside before");
        try
        {
            return configuration.CpuPool is { } pool ? AllocatePool(pool, configuration.MemoryMiB) : AllocateCount(configuration);
        }
        catch (EnclaveException)
        {
            PutBack(previous);
            throw;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            PutBack(previous);
            throw new EnclaveException(EnclaveFailure.FileOperation, $"The kernel does not tell what this machine has: {exception.Message}", exception);
        }
    }

    /// <summary>Sets nothing aside any more: all CPUs are back on-line. Huge pages stay, others may use them.</summary>
    /// <exception cref="EnclaveException">As for <see cref="Allocate"/>.</exception>
    public void ReleaseCpus() => EmptyPool("give the CPUs back");

    EnclaveAllocation AllocatePool(IReadOnlyList<uint> pool, ulong memoryMiB)
    {
        var nodes = pool.Select(cpu => CpuCore.NodeOf(_files, cpu)).Distinct().ToArray();
        if (nodes.Length > 1)
        {
            throw new EnclaveException(
                EnclaveFailure.CpuPool, $"CPUs {CpuList.Format(pool)} are on several NUMA nodes ({string.Join(", ", nodes)}); an enclave's are on one.");
        }

        var whole = WholeCores(_files, nodes[0]).SelectMany(core => core.Cpus).ToHashSet();
        if (pool.FirstOrDefault(cpu => !whole.Contains(cpu), uint.MaxValue) is var wrong && wrong != uint.MaxValue)
        {
            throw new EnclaveException(EnclaveFailure.NoSuchCpu, $"CPU {wrong} cannot be set aside: it is off-line, or shares a core with CPU 0, which the parent keeps.");
        }

        var partial = WholeCores(_files, nodes[0]).FirstOrDefault(core => core.Cpus.Any(pool.Contains) && !core.Cpus.All(pool.Contains));
        return partial is null
            ? Commit(nodes[0], pool, memoryMiB)
            : throw new EnclaveException(
                EnclaveFailure.CpuPool, $"CPUs {CpuList.Format(partial.Cpus)} share a core: set all of them aside, or none.");
    }

    EnclaveAllocation AllocateCount(AllocatorConfiguration configuration)
    {
        var count = configuration.CpuCount ?? throw new ArgumentException("The configuration names neither a number of CPUs nor a pool.", nameof(configuration));
        var cores = CpuCore.ReadAll(_files);
        var threads = cores.Count == 0 ? 1 : cores.Max(core => core.Cpus.Count);
        if (count % threads != 0)
        {
            throw new EnclaveException(
                EnclaveFailure.CpuPool, $"{count} CPUs are not whole cores: a core of this machine has {threads} CPUs, and an enclave gets whole cores.");
        }

        EnclaveException? failure = null;
        foreach (var node in cores.Select(core => core.Node).Distinct().Order())
        {
            var pool = WholeCores(cores, node, threads).SelectMany(core => core.Cpus).Take((int)count).Order().ToArray();
            if (pool.Length < count)
            {
                continue;
            }

            try
            {
                return Commit(node, pool, configuration.MemoryMiB);
            }
            catch (EnclaveException exception) when (exception.Failure == EnclaveFailure.InsufficientMemoryAvailable)
            {
                failure = exception;
            }
        }

        throw failure ?? new EnclaveException(
            EnclaveFailure.InsufficientCpus,
            $"No NUMA node has {count} CPUs to set aside. CPU 0 and those that share its core stay with the parent: take fewer, or a larger instance.");
    }

    EnclaveAllocation Commit(int node, IReadOnlyList<uint> pool, ulong memoryMiB)
    {
        var memory = new HugePageReservation(_files, node);
        var pages = memory.Reserve(memoryMiB << 20);
        try
        {
            WritePool(CpuList.Format(pool), $"set the CPUs {CpuList.Format(pool)} aside");
            var got = CpuList.Parse(_files.Read(PoolPath));
            return got.SequenceEqual(pool)
                ? new EnclaveAllocation(node, got, pages)
                : throw new EnclaveException(
                    EnclaveFailure.CpuPool, $"The driver set the CPUs {CpuList.Format(got)} aside, not {CpuList.Format(pool)} as it was told.");
        }
        catch (Exception)
        {
            memory.Restore();
            throw;
        }
    }

    // Linux's driver empties the pool, and then complains of the empty list that it was given (EINVAL): what counts is what is left.
    void EmptyPool(string purpose)
    {
        try
        {
            WritePool("", purpose);
        }
        catch (EnclaveException exception) when (exception.InnerException is IOException && _files.Read(PoolPath).Length == 0)
        {
            // As asked.
        }
    }

    void WritePool(string value, string purpose)
    {
        try
        {
            _files.Write(PoolPath, value);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The driver answers EPERM while an enclave runs, and so does the kernel to a user that is not root.
            var next = exception is UnauthorizedAccessException ? "End all enclaves (nitro terminate-enclave --all), and run this as root." : exception.Message;
            throw new EnclaveException(EnclaveFailure.CpuPool, $"The driver refuses to {purpose}. {next}", exception);
        }
    }

    void PutBack(string pool)
    {
        try
        {
            _files.Write(PoolPath, pool);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The failure that led here is the one to report.
        }
    }

    static IEnumerable<CpuCore> WholeCores(KernelFiles files, int node)
    {
        var cores = CpuCore.ReadAll(files);
        return WholeCores(cores, node, cores.Count == 0 ? 1 : cores.Max(core => core.Cpus.Count));
    }

    static IEnumerable<CpuCore> WholeCores(IReadOnlyList<CpuCore> cores, int node, int threads) =>
        cores.Where(core => core.Node == node && !core.IsParents && core.Cpus.Count == threads);
}
