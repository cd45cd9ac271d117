namespace NitroEnclaves.Vsock;

/// <summary>The resolvers that need no knowledge of enclaves.</summary>
public static class VsockResolver
{
    /// <summary>
    /// Everything through the kernel's own vsock: right inside every enclave, and on a parent whose enclaves are all real.
    /// </summary>
    public static IVsockResolver Native { get; } = new FixedResolver(null, VsockRoute.Native);

    /// <summary>One CID, or every CID, through one route.</summary>
    /// <param name="cid">The only CID that takes this route, or <see cref="VsockAddress.Any"/> for all of them.</param>
    /// <param name="route">The route for connections in both directions.</param>
    public static IVsockResolver Fixed(uint cid, VsockRoute route)
    {
        ArgumentNullException.ThrowIfNull(route);
        return new FixedResolver(cid == VsockAddress.Any ? null : cid, route);
    }

    sealed class FixedResolver(uint? only, VsockRoute route) : IVsockResolver
    {
        public VsockRoute? Resolve(uint cid) => only is null || only == cid ? route : null;

        public VsockRoute? ResolveListener() => route;
    }
}
