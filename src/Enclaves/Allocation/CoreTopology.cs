namespace NitroEnclaves.Enclaves;

/// <summary>
/// Which CPUs of the parent share a core. Of CPUs that are set aside, and so off-line, the kernel does not say it: it is told from those that
/// are on-line, where these follow one of the two numberings that processors have.
/// </summary>
/// <param name="ThreadsPerCore">The CPUs of a core, 1 or more.</param>
/// <param name="Stride">How far the numbers of a core's CPUs are apart; 0 where that follows no rule.</param>
sealed record CoreTopology(int ThreadsPerCore, uint Stride)
{
    /// <summary>Reads it.</summary>
    /// <exception cref="EnclaveException">The kernel's files make no sense.</exception>
    /// <exception cref="IOException">They cannot be read.</exception>
    public static CoreTopology Read(KernelFiles files)
    {
        var cores = CpuCore.ReadAll(files);
        var threads = cores.Count == 0 ? 1 : cores.Max(core => core.Cpus.Count);
        var strides = cores.SelectMany(core => core.Cpus.Zip(core.Cpus.Skip(1), static (low, high) => high - low)).Distinct().ToArray();
        var stride = threads == 1 ? 1 : strides is [var only] ? only : 0;
        var topology = new CoreTopology(threads, stride);
        // Neighbours, as in 0-1 and 2-3; or all first threads before all second ones, as in 0,4 and 1,5. What fits neither is not guessed at.
        var fits = stride == 1 || stride * threads == CpuList.Parse(files.Read("/sys/devices/system/cpu/present")).Count;
        return fits && cores.All(core => topology.SiblingsOf(core.Cpus[0])!.SequenceEqual(core.Cpus)) ? topology : topology with { Stride = 0 };
    }

    /// <summary>All CPUs of a CPU's core, ascending; null where that cannot be known.</summary>
    public IReadOnlyList<uint>? SiblingsOf(uint cpu)
    {
        if (Stride == 0)
        {
            return null;
        }

        var first = Stride == 1 ? cpu - cpu % (uint)ThreadsPerCore : cpu % Stride;
        return [.. Enumerable.Range(0, ThreadsPerCore).Select(thread => first + (uint)thread * Stride)];
    }
}
