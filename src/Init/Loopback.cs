using System.Runtime.InteropServices;

namespace NitroEnclaves.Init;

/// <summary>The only network interface of an enclave.</summary>
static class Loopback
{
    /// <summary>Brings 127.0.0.1 up. A kernel without IP, or without the interface, has nothing to bring up.</summary>
    /// <exception cref="InitException">The kernel refuses.</exception>
    internal static void BringUp()
    {
        using var socket = Interop.socket(Interop.AF_INET, Interop.SOCK_DGRAM | Interop.SOCK_CLOEXEC, 0);
        if (socket.IsInvalid)
        {
            if (Marshal.GetLastPInvokeError() == Interop.EAFNOSUPPORT)
            {
                return;
            }

            throw InitException.FromLastError("open a socket to bring the loopback interface up");
        }

        var request = default(Interop.ifreq);
        "lo"u8.CopyTo(request.ifr_name);
        if (Interop.ioctl(socket, Interop.SIOCGIFFLAGS, ref request) != 0)
        {
            if (Marshal.GetLastPInvokeError() == Interop.ENODEV)
            {
                return;
            }

            throw InitException.FromLastError("find the loopback interface");
        }

        request.ifr_flags |= Interop.IFF_UP;
        if (Interop.ioctl(socket, Interop.SIOCSIFFLAGS, ref request) != 0)
        {
            throw InitException.FromLastError("bring the loopback interface up");
        }
    }
}
