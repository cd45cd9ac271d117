namespace NitroEnclaves.Tests;

/// <summary>
/// A rule by which Linux's driver of enclaves refuses a call (eif-and-nitro-cli 3.7). Stand-ins refuse by naming the rule that they mirror.
/// </summary>
/// <param name="Name">The name of the error in <c>linux/nitro_enclaves.h</c>, without its prefix, or of the system's error.</param>
/// <param name="Error">The error number.</param>
/// <param name="Meaning">What the driver finds wrong.</param>
sealed record NitroRule(string Name, int Error, string Meaning)
{
    public static NitroRule VcpuAlreadyUsed { get; } = new("VCPU_ALREADY_USED", 256, "the enclave has the CPU already");
    public static NitroRule VcpuNotInCpuPool { get; } = new("VCPU_NOT_IN_CPU_POOL", 257, "no core that is free in the pool has the CPU");
    public static NitroRule VcpuInvalidCpuCore { get; } = new("VCPU_INVALID_CPU_CORE", 258, "the core's number is none that the parent had when the enclave was made");
    public static NitroRule InvalidMemRegionSize { get; } = new("INVALID_MEM_REGION_SIZE", 259, "the size is no multiple of 2 MiB");
    public static NitroRule InvalidMemRegionAddr { get; } = new("INVALID_MEM_REGION_ADDR", 260, "the region is not in the program's half of the address space");
    public static NitroRule UnalignedMemRegionAddr { get; } = new("UNALIGNED_MEM_REGION_ADDR", 261, "the address is no multiple of 2 MiB");
    public static NitroRule MemRegionAlreadyUsed { get; } = new("MEM_REGION_ALREADY_USED", 262, "the region overlaps one that the enclave has");
    public static NitroRule MemNotHugePage { get; } = new("MEM_NOT_HUGE_PAGE", 263, "a page is not of hugetlbfs");
    public static NitroRule MemDifferentNumaNode { get; } = new("MEM_DIFFERENT_NUMA_NODE", 264, "a page is not on the node of the pool's CPUs");
    public static NitroRule MemMaxRegions { get; } = new("MEM_MAX_REGIONS", 265, "the physical regions are more than the hypervisor takes");
    public static NitroRule NoMemRegionsAdded { get; } = new("NO_MEM_REGIONS_ADDED", 266, "the enclave has no memory");
    public static NitroRule NoVcpusAdded { get; } = new("NO_VCPUS_ADDED", 267, "the enclave has no vCPU");
    public static NitroRule EnclaveMemMinSize { get; } = new("ENCLAVE_MEM_MIN_SIZE", 268, "the enclave has less than 64 MiB");
    public static NitroRule FullCoresNotUsed { get; } = new("FULL_CORES_NOT_USED", 269, "the enclave has not got all CPUs of each of its cores");
    public static NitroRule NotInInitState { get; } = new("NOT_IN_INIT_STATE", 270, "the enclave has been started");
    public static NitroRule InvalidVcpu { get; } = new("INVALID_VCPU", 271, "the parent has no CPU of that number");
    public static NitroRule NoCpusAvailInPool { get; } = new("NO_CPUS_AVAIL_IN_POOL", 272, "the pool has no free core");
    public static NitroRule InvalidPageSize { get; } = new("INVALID_PAGE_SIZE", 273, "a huge page's size is no multiple of 2 MiB");
    public static NitroRule InvalidFlagValue { get; } = new("INVALID_FLAG_VALUE", 274, "the driver does not know the flags");
    public static NitroRule InvalidEnclaveCid { get; } = new("INVALID_ENCLAVE_CID", 275, "the CID has another meaning, or more than 32 bits");
    public static NitroRule OtherProcess { get; } = new("EIO", 5, "another process has made the enclave");
    public static NitroRule EmptyRegion { get; } = new("ENOMEM", 12, "the region is empty");
    public static NitroRule BadAddress { get; } = new("EFAULT", 14, "there is no memory at the address");
    public static NitroRule HypervisorRefuses { get; } = new("EINVAL", 22, "the hypervisor refuses what the driver has no rule for");
    public static NitroRule UnknownCommand { get; } = new("ENOTTY", 25, "the driver does not know the command");

    /// <summary>All of the driver's rules.</summary>
    public static IReadOnlyList<NitroRule> All { get; } =
    [
        VcpuAlreadyUsed, VcpuNotInCpuPool, VcpuInvalidCpuCore, InvalidMemRegionSize, InvalidMemRegionAddr, UnalignedMemRegionAddr, MemRegionAlreadyUsed,
        MemNotHugePage, MemDifferentNumaNode, MemMaxRegions, NoMemRegionsAdded, NoVcpusAdded, EnclaveMemMinSize, FullCoresNotUsed, NotInInitState,
        InvalidVcpu, NoCpusAvailInPool, InvalidPageSize, InvalidFlagValue, InvalidEnclaveCid, OtherProcess, EmptyRegion, BadAddress, HypervisorRefuses, UnknownCommand,
    ];

    /// <summary>The rules that no test can provoke on Linux's driver on x86, and why: of these only the stand-in's word is known.</summary>
    public static IReadOnlyDictionary<NitroRule, string> Unverified { get; } = new Dictionary<NitroRule, string>
    {
        [VcpuInvalidCpuCore] = "the pool, and with it the number of cores, cannot change while there is an enclave",
        [InvalidPageSize] = "huge pages of x86 have 2 MiB or 1 GiB",
    };

    /// <summary>The hypervisor's own refusal, which the driver passes on.</summary>
    public static NitroRule Hypervisor(int error) => HypervisorRefuses with { Error = error };

    public override string ToString() => $"{Name} ({Error}): {Meaning}";
}
