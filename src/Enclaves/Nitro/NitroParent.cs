using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>What a parent instance offers its enclaves besides the driver: CPUs, huge pages and the vsock.</summary>
class NitroParent(KernelFiles files, VsockOptions vsock, TimeProvider time)
{
    /// <summary>This machine.</summary>
    public static NitroParent Machine { get; } = new(KernelFiles.Machine, VsockOptions.Default, TimeProvider.System);

    /// <summary>Reaches the hypervisor's CID 0. A console may be silent for as long as its enclave likes.</summary>
    public VsockConnector Connector { get; } = new(vsock with { ReadTimeout = Timeout.InfiniteTimeSpan });

    /// <summary>The clock of what is waited for.</summary>
    public TimeProvider Time => time;

    /// <summary>The CPUs that are set aside.</summary>
    public NitroCpuPool ReadPool() => NitroCpuPool.Read(files);

    /// <summary>The huge pages of a node that nobody uses.</summary>
    public IReadOnlyList<HugePages> FreePages(int node) => HugePageReservation.FreeOf(files, node);

    /// <summary>Takes a huge page.</summary>
    public virtual HugePageRegion MapPage(ulong size, int node) => HugePageRegion.Map(size, node);

    /// <summary>Takes part in the port at which enclaves say that they are ready.</summary>
    /// <param name="cid">The enclave.</param>
    /// <param name="registryPath">The registry's folder.</param>
    /// <param name="reportsEnd">Whether the enclave says at its end how it came, and not only that it is ready.</param>
    public HeartbeatPort ListenForHeartbeat(uint cid, string registryPath, bool reportsEnd) => new(cid, registryPath, Listen, time, reportsEnd);

    /// <summary>Listens at the port; fails where somebody else does.</summary>
    protected virtual VsockListener Listen() => VsockListener.Listen(EnclaveReports.Port, vsock);
}
