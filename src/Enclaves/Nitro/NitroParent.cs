using System.Globalization;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>What a parent instance offers its enclaves besides the driver: CPUs, huge pages and the vsock.</summary>
class NitroParent(KernelFiles files, VsockOptions vsock, TimeProvider time)
{
    /// <summary>This machine.</summary>
    public static NitroParent Machine { get; } = new(KernelFiles.Machine, VsockOptions.Default, TimeProvider.System);

    /// <summary>Reaches the hypervisor's CID 0.</summary>
    public VsockConnector Connector { get; } = new(vsock);

    /// <summary>The CPUs that are set aside.</summary>
    public NitroCpuPool ReadPool() => NitroCpuPool.Read(files);

    /// <summary>The NUMA node of the pool's CPUs: the driver keeps them on one.</summary>
    /// <exception cref="EnclaveException">The pool is empty (<see cref="EnclaveFailure.InsufficientCpus"/>).</exception>
    public int NodeOf(NitroCpuPool pool) => pool.Cpus.Count > 0
        ? CpuCore.NodeOf(files, pool.Cpus[0])
        : throw new EnclaveException(EnclaveFailure.InsufficientCpus, "The pool of enclave CPUs is empty: run nitro allocate.");

    /// <summary>The huge pages of a node that nobody uses.</summary>
    public IReadOnlyList<HugePages> FreePages(int node) => HugePageReservation.FreeOf(files, node);

    /// <summary>Takes a huge page.</summary>
    public virtual HugePageRegion MapPage(ulong size, int node) => HugePageRegion.Map(size, node);

    /// <summary>Takes part in the port at which enclaves say that they are ready.</summary>
    public HeartbeatPort ListenForHeartbeat(uint cid, string registryPath) =>
        new(cid, registryPath, Listen, time);

    /// <summary>Listens at the port; fails where somebody else does.</summary>
    protected virtual VsockListener Listen() => VsockListener.Listen(EnclaveReports.Port, vsock);
}
