using System.Collections.Concurrent;

namespace NitroEnclaves.Tests;

/// <summary>
/// Linux's driver of enclaves as far as its callers can tell: what it refuses, by which rule, and what it looks at first. One set of rules
/// for the stand-in of the unit tests and for the one behind real ioctls; the order is that of <c>ne_misc_dev.c</c>.
/// </summary>
sealed class NitroDriverModel
{
    readonly ConcurrentDictionary<NitroRule, int> _refusals = new();
    SortedSet<uint>[] _free = [];

    public NitroDriverModel(NitroPool pool, INitroHypervisor hypervisor)
    {
        Hypervisor = hypervisor;
        SetPool(pool);
    }

    /// <summary>The rules by which something has been refused.</summary>
    public IReadOnlyCollection<NitroRule> Refusals => [.. _refusals.Keys];

    /// <summary>The CPUs that are in the pool and no enclave's.</summary>
    public IReadOnlyList<uint> FreeCpus
    {
        get
        {
            lock (Lock)
            {
                return [.. _free.SelectMany(core => core).Order()];
            }
        }
    }

    internal Lock Lock { get; } = new();

    internal INitroHypervisor Hypervisor { get; }

    internal NitroPool Pool { get; private set; } = null!;

    /// <summary>Sets the pool. The driver itself refuses that while there is an enclave.</summary>
    [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(Pool))]
    public void SetPool(NitroPool pool)
    {
        lock (Lock)
        {
            Pool = pool;
            _free = [.. Enumerable.Range(0, (int)pool.CoreCount).Select(core => new SortedSet<uint>(pool.Cpus.Where(cpu => pool.CoreOf(cpu) == core)))];
        }
    }

    /// <summary>NE_CREATE_VM.</summary>
    /// <param name="owner">The process that calls, or whatever stands for its memory.</param>
    /// <param name="enclave">The enclave; null where it is refused.</param>
    public NitroRule? Create(int owner, out NitroDriverEnclave? enclave)
    {
        lock (Lock)
        {
            enclave = null;
            if (_free.All(core => core.Count == 0))
            {
                return Refuse(NitroRule.NoCpusAvailInPool);
            }

            var reply = Hypervisor.Execute(NitroCommand.SlotAllocate);
            if (reply.Result != 0)
            {
                return Refuse(NitroRule.Hypervisor(-reply.Result));
            }

            enclave = new NitroDriverEnclave(this, owner, reply.Slot, reply.MemoryRegions);
            return null;
        }
    }

    /// <summary>Refuses, and keeps in mind why.</summary>
    public NitroRule Refuse(NitroRule rule)
    {
        _refusals.AddOrUpdate(rule, 1, static (_, count) => count + 1);
        return rule;
    }

    /// <summary>The first free core, or that of a CPU; null where there is none.</summary>
    internal int? FindCore(uint? cpu)
    {
        var core = Array.FindIndex(_free, threads => cpu is { } wanted ? threads.Contains(wanted) : threads.Count > 0);
        return core < 0 ? null : core;
    }

    /// <summary>Takes a core's CPUs out of the pool.</summary>
    internal IReadOnlyList<uint> Take(int core)
    {
        uint[] cpus = [.. _free[core]];
        _free[core].Clear();
        return cpus;
    }

    /// <summary>Gives CPUs back.</summary>
    internal void GiveBack(IEnumerable<uint> cpus)
    {
        foreach (var cpu in cpus)
        {
            _free[Pool.CoreOf(cpu)].Add(cpu);
        }
    }
}
