using System.Runtime.InteropServices;
using System.Text;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// A peer whose socket has the longest name that Linux takes: 108 bytes without an end, of which the kernel then says that they are 109. The class
/// library accepts no such connection and throws instead.
/// </summary>
static unsafe class StrangeName
{
    const int FamilySize = sizeof(ushort);
    const int LongestName = 108;

    /// <summary>Connects such a socket.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="folder">Where its own file is made.</param>
    public static SafeDescriptor Connect(string path, string folder)
    {
        var socket = new SafeDescriptor(Interop.UnixSocket.socket(Interop.UnixSocket.AF_UNIX, Interop.UnixSocket.SOCK_STREAM | Interop.SOCK_CLOEXEC, 0));
        Assert.Equal(0, Call(Interop.UnixSocket.bind, socket, folder.TrimEnd('/') + "/" + new string('s', LongestName - folder.TrimEnd('/').Length - 1)));
        Assert.Equal(0, Call(Interop.UnixSocket.connect, socket, path));
        return socket;
    }

    static int Call(SocketCall call, SafeHandle socket, string path)
    {
        var name = Encoding.UTF8.GetBytes(path);
        var address = stackalloc byte[FamilySize + LongestName];
        address[0] = Interop.UnixSocket.AF_UNIX;
        address[1] = 0;
        name.CopyTo(new Span<byte>(address + FamilySize, LongestName));
        return call(socket, address, (uint)(FamilySize + name.Length));
    }

    delegate int SocketCall(SafeHandle socket, byte* address, uint length);
}
