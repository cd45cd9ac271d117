using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>The two ends of a connection between the vsock device and this process.</summary>
static class VsockSocketPair
{
    /// <summary>Makes a pair; false where the process has no descriptors left.</summary>
    internal static unsafe bool TryCreate([NotNullWhen(true)] out SafeDescriptor? device, [NotNullWhen(true)] out SafeSocketHandle? ours)
    {
        // Unsafe because socketpair(2) fills an array of two.
        var ends = stackalloc int[2];
        if (Interop.UnixSocket.socketpair(
            Interop.UnixSocket.AF_UNIX, Interop.UnixSocket.SOCK_STREAM | Interop.UnixSocket.SOCK_CLOEXEC, 0, ends) != 0)
        {
            device = null;
            ours = null;
            return false;
        }

        device = new SafeDescriptor(ends[0]);
        ours = new SafeSocketHandle(ends[1], ownsHandle: true);
        return true;
    }
}
