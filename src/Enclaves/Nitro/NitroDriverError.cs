namespace NitroEnclaves.Enclaves;

/// <summary>What the driver refuses, by its error numbers from 256 up and the system's own (eif-and-nitro-cli 3.7), in sentences.</summary>
static class NitroDriverError
{
    const int Eperm = 1;
    const int Eio = 5;
    const int Enomem = 12;
    const int Efault = 14;
    const int Ebusy = 16;
    const int Einval = 22;
    const int Enotty = 25;

    static readonly (string What, string Next)[] s_refusals =
    [
        ("the vCPU is one of the enclave's already", "Name each CPU once."),
        ("a CPU is not in the pool of enclave CPUs, or another enclave has its core", "Choose from /sys/module/nitro_enclaves/parameters/ne_cpus, or enlarge the pool with nitro allocate."),
        ("a CPU's core is not one that enclaves may have", "Choose whole cores other than CPU 0's."),
        ("the size of a memory region is no multiple of 2 MiB", "Ask for a multiple of 2 MiB."),
        ("the address of a memory region is not one of this process", "This is a fault of the command: report it."),
        ("a memory region is not aligned to 2 MiB", "This is a fault of the command: report it."),
        ("a memory region overlaps another", "This is a fault of the command: report it."),
        ("a memory region is not made of huge pages", "Check the huge pages: nitro allocate."),
        ("memory and CPUs of the enclave are on different NUMA nodes", "Allocate both on one node: nitro allocate."),
        ("the enclave has more memory regions than the hypervisor takes", "Set larger huge pages aside: nitro allocate, right after a boot."),
        ("the enclave has no memory", "This is a fault of the command: report it."),
        ("the enclave has no vCPU", "Give --cpu-count or --cpu-ids."),
        ("the enclave has less than 64 MiB of memory", "Ask for more with --memory."),
        ("the enclave does not get all CPUs of each of its cores", "Ask for whole cores: an even number of CPUs where a core has two."),
        ("the enclave has been started already", "This is a fault of the command: report it."),
        ("a CPU number is higher than this machine's highest", "Choose from /sys/module/nitro_enclaves/parameters/ne_cpus."),
        ("no CPU of the pool is free", "End another enclave, or enlarge the pool with nitro allocate."),
        ("a huge page is smaller than 2 MiB", "Set pages of 2 MiB or more aside: nitro allocate."),
        ("the driver does not know a flag", "Use a newer driver."),
        ("the CID cannot be an enclave's, or another enclave has it", "Leave --enclave-cid away, or choose another."),
    ];

    /// <summary>The first of the driver's own error numbers (NE_ERR_VCPU_ALREADY_USED).</summary>
    public const int First = 256;

    /// <summary>The last of them (NE_ERR_INVALID_ENCLAVE_CID).</summary>
    public static int Last => First + s_refusals.Length - 1;

    /// <summary>The exception for a call that failed.</summary>
    /// <param name="doing">What was being done, for example "start the enclave".</param>
    /// <param name="errno">The call's error number.</param>
    public static EnclaveException Exception(string doing, int errno)
    {
        var (what, next) = errno >= First && errno <= Last ? s_refusals[errno - First] : errno switch
        {
            Eperm => ("this user may not", "Be root or in the group ne."),
            Eio => ("the enclave belongs to another process", "This is a fault of the command: report it."),
            Enomem => ("the parent has no memory left", "Free some, or take a larger instance."),
            Efault => ("memory could not be read", "This is a fault of the command: report it."),
            Ebusy => ("the hypervisor is busy", "Try again."),
            Einval => ("the hypervisor takes the request for wrong", "See dmesg for the driver's words."),
            Enotty => ("the driver does not know the call", "Use a newer driver."),
            _ => ($"the system says error {errno}", "See dmesg for the driver's words."),
        };
        return new EnclaveException(
            errno == First + 1 ? EnclaveFailure.NoSuchCpu : EnclaveFailure.Driver, $"The enclave driver refuses to {doing}: {what} (error {errno}). {next}");
    }
}
