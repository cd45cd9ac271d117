using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Names of Unix sockets in the abstract name space of this machine, where no file can be left behind: one for each port that an enclave's
/// program is bound to (so the kernel itself sees to it that a port is taken once and free again when it is closed), one for each connection
/// that waits to be accepted.
/// </summary>
static unsafe class AbstractSocketName
{
    // Unsafe because bind(2), connect(2) and getpeername(2) take struct sockaddr_un: a u16 family, then a zero byte and the name.

    const int AddressSize = 110;
    const int NameOffset = 3;

    /// <summary>Names a socket; 0, or the error number.</summary>
    public static int Bind(SafeHandle socket, string enclave, char kind, uint number)
    {
        var address = stackalloc byte[AddressSize];
        var length = Write(new Span<byte>(address, AddressSize), enclave, kind, number);
        return Interop.UnixSocket.bind(socket, address, (uint)length) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    /// <summary>Connects a socket to a named one; 0, or the error number.</summary>
    public static int Connect(SafeHandle socket, string enclave, char kind, uint number)
    {
        var address = stackalloc byte[AddressSize];
        var length = Write(new Span<byte>(address, AddressSize), enclave, kind, number);
        int result;
        do
        {
            result = Interop.UnixSocket.connect(socket, address, (uint)length) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
        while (result == Interop.Errno.EINTR);
        return result;
    }

    /// <summary>The number in the name of the socket at the other end; null where it is none of ours.</summary>
    public static uint? NumberOfPeer(SafeHandle socket, string enclave, char kind)
    {
        var address = stackalloc byte[AddressSize];
        uint length = AddressSize;
        if (Interop.EnclaveSocket.getpeername(socket, address, &length) != 0 || length <= NameOffset)
        {
            return null;
        }

        var name = Encoding.ASCII.GetString(address + NameOffset, (int)length - NameOffset);
        var prefix = string.Create(CultureInfo.InvariantCulture, $"{enclave}/{kind}");
        return name.StartsWith(prefix, StringComparison.Ordinal) && uint.TryParse(name.AsSpan(prefix.Length), CultureInfo.InvariantCulture, out var number)
            ? number
            : null;
    }

    static int Write(Span<byte> address, string enclave, char kind, uint number)
    {
        address[0] = Interop.UnixSocket.AF_UNIX;
        address[1] = address[2] = 0;
        Utf8.TryWrite(address[NameOffset..], CultureInfo.InvariantCulture, $"{enclave}/{kind}{number}", out var written);
        return NameOffset + written;
    }
}
