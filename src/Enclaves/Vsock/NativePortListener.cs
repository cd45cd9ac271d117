using System.ComponentModel;
using System.Runtime.InteropServices;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>Binds ports of this machine's own vsock (<c>AF_VSOCK</c>), for connections that go on to the same port of a guest.</summary>
static unsafe class NativePortListener
{
    // Unsafe because bind(2) takes the address of a struct sockaddr_vm, here on the stack.

    const int Backlog = 1024;

    /// <summary>Listens at a port of every CID that this machine has.</summary>
    /// <exception cref="IOException">The kernel has no vsock, or the port is taken.</exception>
    internal static SafeDescriptor Bind(uint port)
    {
        var socket = SocketConnector.Create(VsockAddress.Family) ?? throw Failure(port);
        var address = stackalloc byte[NativePortConnector.AddressSize];
        NativePortConnector.WriteAddress(VsockAddress.Any, port, new Span<byte>(address, NativePortConnector.AddressSize));
        if (Interop.UnixSocket.bind(socket, address, NativePortConnector.AddressSize) != 0 || Interop.UnixSocket.listen(socket, Backlog) != 0)
        {
            using (socket)
            {
                throw Failure(port);
            }
        }

        return socket;
    }

    static IOException Failure(uint port)
    {
        var reason = new Win32Exception(Marshal.GetLastPInvokeError());
        return new IOException($"Cannot listen at vsock port {port} of this machine: {reason.Message}.", reason);
    }
}
