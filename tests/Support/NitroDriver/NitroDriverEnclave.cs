namespace NitroEnclaves.Tests;

/// <summary>An enclave as the driver knows it. Each call returns the rule by which it is refused, or null.</summary>
sealed class NitroDriverEnclave(NitroDriverModel driver, int owner, ulong slot, ulong maxRegions)
{
    public const ulong ImageOffset = 8 << 20;

    const ulong MiB2 = 2 << 20;
    const ulong LeastMemory = 64 << 20;

    // TASK_SIZE_MAX of x86-64 with tables of four levels.
    const ulong EndOfUserMemory = 0x7FFF_FFFF_F000;

    const ulong ParentCid = 3;

    // In the order in which they came from the pool.
    readonly List<uint> _threads = [];
    readonly HashSet<uint> _donated = [];
    readonly List<(ulong Address, ulong Size)> _regions = [];
    readonly uint _coreCount = driver.Pool.CoreCount;
    readonly uint _cpuCount = driver.Pool.CoreCount * driver.Pool.ThreadsPerCore;
    readonly int _node = driver.Pool.Node;
    ulong _physicalRegions;
    ulong _memorySize;
    NitroSlotState _state = NitroSlotState.Initial;

    /// <summary>The slot's number.</summary>
    public ulong Slot => slot;

    /// <summary>NE_ADD_VCPU.</summary>
    /// <param name="caller">The process that calls.</param>
    /// <param name="cpu">The CPU; 0 is replaced by one of the driver's choice.</param>
    public NitroRule? AddVcpu(int caller, ref uint cpu)
    {
        lock (driver.Lock)
        {
            if (_state != NitroSlotState.Initial)
            {
                return driver.Refuse(NitroRule.NotInInitState);
            }

            if (cpu >= _cpuCount)
            {
                return driver.Refuse(NitroRule.InvalidVcpu);
            }

            if ((cpu == 0 ? Choose(ref cpu) : Check(cpu)) is { } rule)
            {
                return driver.Refuse(rule);
            }

            if (caller != owner)
            {
                return driver.Refuse(NitroRule.OtherProcess);
            }

            if (Hypervise(NitroCommand.SlotAddVcpu, cpu) is { } refusal)
            {
                return refusal;
            }

            _donated.Add(cpu);
            return null;
        }
    }

    /// <summary>NE_GET_IMAGE_LOAD_INFO.</summary>
    /// <param name="flags">1 for an EIF.</param>
    public NitroRule? GetImageLoadInfo(ulong flags)
    {
        lock (driver.Lock)
        {
            return _state != NitroSlotState.Initial ? driver.Refuse(NitroRule.NotInInitState)
                : flags != 1 ? driver.Refuse(NitroRule.InvalidFlagValue)
                : null;
        }
    }

    /// <summary>NE_SET_USER_MEMORY_REGION.</summary>
    /// <param name="caller">The process that calls.</param>
    /// <param name="flags">0.</param>
    /// <param name="size">In bytes.</param>
    /// <param name="address">The first byte in the process.</param>
    /// <param name="pages">The process's pages.</param>
    public NitroRule? AddMemory(int caller, ulong flags, ulong size, ulong address, IParentPages pages)
    {
        lock (driver.Lock)
        {
            var rule = flags != 0 ? NitroRule.InvalidFlagValue
                : _state != NitroSlotState.Initial ? NitroRule.NotInInitState
                : caller != owner ? NitroRule.OtherProcess
                : size % MiB2 != 0 ? NitroRule.InvalidMemRegionSize
                : address % MiB2 != 0 ? NitroRule.UnalignedMemRegionAddr
                : size > EndOfUserMemory || address > EndOfUserMemory - size ? NitroRule.InvalidMemRegionAddr
                : _regions.Exists(region => Overlap(region, (address, size))) ? NitroRule.MemRegionAlreadyUsed
                : size == 0 ? NitroRule.EmptyRegion
                : null;
            var physical = new List<(ulong Address, ulong Size)>();
            for (ulong done = 0; rule is null && done < size;)
            {
                rule = Check(pages.At(address + done), physical, ref done);
            }

            if (rule is null && _physicalRegions + (ulong)physical.Count > maxRegions)
            {
                rule = NitroRule.MemMaxRegions;
            }

            if (rule is not null)
            {
                return driver.Refuse(rule);
            }

            _regions.Add((address, size));
            foreach (var (start, length) in physical)
            {
                if (Hypervise(NitroCommand.SlotAddMemory, start, length) is { } refusal)
                {
                    return refusal;
                }

                _memorySize += length;
                _physicalRegions++;
            }

            return null;
        }
    }

    /// <summary>NE_START_ENCLAVE.</summary>
    /// <param name="flags">0, or 1 for debug mode.</param>
    /// <param name="cid">The CID; 0 is replaced by one of the hypervisor's choice.</param>
    public NitroRule? Start(ulong flags, ref ulong cid)
    {
        lock (driver.Lock)
        {
            var rule = flags > 1 ? NitroRule.InvalidFlagValue
                : cid is > 0 and <= ParentCid or >= uint.MaxValue ? NitroRule.InvalidEnclaveCid
                : _state != NitroSlotState.Initial ? NitroRule.NotInInitState
                : _physicalRegions == 0 ? NitroRule.NoMemRegionsAdded
                : _memorySize < LeastMemory ? NitroRule.EnclaveMemMinSize
                : _donated.Count == 0 ? NitroRule.NoVcpusAdded
                : !_threads.TrueForAll(_donated.Contains) ? NitroRule.FullCoresNotUsed
                : null;
            if (rule is not null)
            {
                return driver.Refuse(rule);
            }

            var reply = driver.Hypervisor.Execute(NitroCommand.EnclaveStart, slot, cid, flags);
            if (reply.Result != 0)
            {
                return driver.Refuse(NitroRule.Hypervisor(-reply.Result));
            }

            _state = NitroSlotState.Running;
            cid = reply.Cid;
            return null;
        }
    }

    /// <summary>The last descriptor has been closed: ends the enclave and gives all that it had back.</summary>
    public void Release()
    {
        lock (driver.Lock)
        {
            if (_state == NitroSlotState.Running)
            {
                driver.Hypervisor.Execute(NitroCommand.EnclaveStop, slot);
            }

            _state = NitroSlotState.Stopped;
            driver.Hypervisor.Execute(NitroCommand.SlotFree, slot);
            driver.GiveBack(_threads);
            _threads.Clear();
        }
    }

    NitroRule? Hypervise(NitroCommand command, ulong first, ulong second = 0) =>
        driver.Hypervisor.Execute(command, slot, first, second) is { Result: not 0 } reply ? driver.Refuse(NitroRule.Hypervisor(-reply.Result)) : null;

    // A core that the enclave has begun is completed first.
    NitroRule? Choose(ref uint cpu)
    {
        if (_threads.Find(thread => !_donated.Contains(thread)) is > 0 and var rest)
        {
            cpu = rest;
            return null;
        }

        var rule = TakeCore(driver.FindCore(null), NitroRule.NoCpusAvailInPool);
        cpu = rule is null ? _threads.Find(thread => !_donated.Contains(thread)) : 0;
        return rule;
    }

    NitroRule? Check(uint cpu) => _donated.Contains(cpu) ? NitroRule.VcpuAlreadyUsed
        : _threads.Contains(cpu) ? null
        : TakeCore(driver.FindCore(cpu), NitroRule.VcpuNotInCpuPool);

    NitroRule? TakeCore(int? core, NitroRule none)
    {
        if (core is not { } found)
        {
            return none;
        }

        if (found >= _coreCount)
        {
            return NitroRule.VcpuInvalidCpuCore;
        }

        _threads.AddRange(driver.Take(found));
        return null;
    }

    NitroRule? Check(ParentPage? found, List<(ulong Address, ulong Size)> physical, ref ulong done)
    {
        if (found is not { } page)
        {
            return NitroRule.BadAddress;
        }

        var rule = !page.IsHuge ? NitroRule.MemNotHugePage
            : page.Size % MiB2 != 0 ? NitroRule.InvalidPageSize
            : page.Node != _node ? NitroRule.MemDifferentNumaNode
            : null;
        done += page.Size;
        if (physical is [.., var last] && last.Address + last.Size == page.Physical)
        {
            physical[^1] = (last.Address, last.Size + page.Size);
        }
        else
        {
            physical.Add((page.Physical, page.Size));
        }

        return rule;
    }

    static bool Overlap((ulong Address, ulong Size) one, (ulong Address, ulong Size) other) =>
        (one.Address <= other.Address && other.Address < one.Address + one.Size)
        || (other.Address <= one.Address && other.Address + other.Size > one.Address);
}
