using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Reaches the enclaves of a registry through their Unix sockets: a program of the parent connects to a CID and need not know that the
/// enclave is emulated, and listens at a port for all of them.
/// </summary>
public sealed class EnclaveVsockResolver : IVsockResolver
{
    readonly EnclaveRegistry _registry;
    readonly VsockRoute _listeners;

    /// <summary>Creates a resolver.</summary>
    /// <param name="registry">The registry whose enclaves are reached.</param>
    /// <exception cref="ArgumentException">The registry's path is too long for sockets in it.</exception>
    public EnclaveVsockResolver(EnclaveRegistry registry)
    {
        ArgumentNullException.ThrowIfNull(registry);
        _registry = registry;
        _listeners = VsockRoute.UnixSocket(Path.Combine(registry.FolderPath, RegistryPaths.SharedVsockName));
    }

    /// <inheritdoc/>
    public VsockRoute? Resolve(uint cid)
    {
        try
        {
            return _registry.List().FirstOrDefault(entry => entry.Cid == cid) is { } entry
                ? VsockRoute.UnixSocket(_registry.VsockPath(entry.Id))
                : null;
        }
        catch (EnclaveException)
        {
            // A registry that cannot be read holds no enclave that could be reached.
            return null;
        }
    }

    /// <inheritdoc/>
    public VsockRoute? Resolve(VsockEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        return endPoint is { Cid: VsockAddress.Hypervisor, Port: >= ConsoleServer.FirstPort }
            ? _registry.FindConsolePath(endPoint.Port - ConsoleServer.FirstPort) is { } path ? VsockRoute.UnixSocket(path) : null
            : Resolve(endPoint.Cid);
    }

    /// <inheritdoc/>
    public VsockRoute? ResolveListener() => _listeners;
}
