namespace NitroEnclaves.Vsock;

/// <summary>
/// Knows how some CIDs are reached from this program: the kernel's vsock for real enclaves, a Unix socket for emulated ones. Programs
/// hand a chain of resolvers to <see cref="VsockConnector"/> and <see cref="VsockListener"/> and need not know which kind they talk to.
/// </summary>
/// <remarks>Called for every connection, from any thread: answer from memory or from a file or two, and throw nothing.</remarks>
public interface IVsockResolver
{
    /// <summary>The way from this program to a machine.</summary>
    /// <param name="cid">The CID to reach.</param>
    /// <returns>The way, or null where this resolver does not know the CID; then the next resolver of the chain is asked.</returns>
    VsockRoute? Resolve(uint cid);

    /// <summary>The way from this program to a port of a machine, where that depends on the port. Default: <see cref="Resolve(uint)"/>.</summary>
    /// <param name="endPoint">What to reach. At CID 0, the hypervisor, the ports are consoles: that of a debug enclave is its CID + 10000.</param>
    VsockRoute? Resolve(VsockEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        return Resolve(endPoint.Cid);
    }

    /// <summary>The way on which connections from other machines arrive at ports of this program.</summary>
    /// <returns>The way, or null where this resolver has none. A listener listens on the ways of all resolvers of its chain at once.</returns>
    VsockRoute? ResolveListener();
}
