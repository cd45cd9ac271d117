namespace NitroEnclaves.Vsock.AspNetCore;

/// <summary>
/// The addresses of a connection that came in over vsock: <c>context.Features.Get&lt;IVsockConnectionFeature&gt;()</c>, on requests as on
/// connections. A CID tells machines apart and proves nothing about what runs there.
/// </summary>
public interface IVsockConnectionFeature
{
    /// <summary>This end's address.</summary>
    VsockEndPoint LocalEndPoint { get; }

    /// <summary>The peer's address.</summary>
    VsockEndPoint RemoteEndPoint { get; }
}
