using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Vsock;

/// <summary>Makes <see cref="Socket"/>s of the vsock family, which .NET's own constructor refuses.</summary>
public static class VsockSocket
{
    /// <summary>
    /// A new, unbound stream socket of the vsock family, closed on exec. Bind, connect and accept it through <see cref="Socket"/> with
    /// a <see cref="VsockEndPoint"/>, never through its handle: <see cref="Socket"/> must see the connection come about.
    /// </summary>
    /// <exception cref="VsockException">The kernel has no vsock (<see cref="VsockError.Unreachable"/>), or refuses another socket.</exception>
    public static Socket Create()
    {
        var descriptor = Interop.Libc.socket(Interop.Libc.AF_VSOCK, Interop.Libc.SOCK_STREAM | Interop.Libc.SOCK_CLOEXEC, 0);
        if (descriptor >= 0)
        {
            return new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
        }

        const int EAFNOSUPPORT = 97;
        const int EPERM = 1;
        var errno = Marshal.GetLastPInvokeError();
        var reason = Marshal.GetPInvokeErrorMessage(errno);
        throw errno is EAFNOSUPPORT or EPERM
            ? new VsockException(VsockError.Unreachable, $"This machine offers no vsock sockets: {reason}.")
            : new VsockException(VsockError.SocketFailed, $"No vsock socket could be made: {reason}.");
    }
}
