using System.Runtime.InteropServices;
using System.Text;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// A peer whose socket has the longest name that Linux takes: 108 bytes without an end, of which the kernel then says that they are 109. The class
/// library accepts no such connection and throws instead.
/// </summary>
static class StrangeName
{
    const int FamilySize = sizeof(ushort);
    const int LongestName = 108;
    const int ConnectionRefused = 111;

    /// <summary>Connects such a socket, as soon as somebody listens.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="folder">Where its own file is made.</param>
    public static async Task<SafeDescriptor> ConnectAsync(string path, string folder)
    {
        var socket = new SafeDescriptor(Interop.UnixSocket.socket(Interop.UnixSocket.AF_UNIX, Interop.UnixSocket.SOCK_STREAM | Interop.SOCK_CLOEXEC, 0));
        Assert.Equal(0, Bind(socket, folder.TrimEnd('/') + "/" + new string('s', LongestName - folder.TrimEnd('/').Length - 1)));
        while (Connect(socket, path) is var error and not 0)
        {
            Assert.Equal(ConnectionRefused, error);
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        return socket;
    }

    static unsafe int Bind(SafeHandle socket, string path) => Call(Interop.UnixSocket.bind, socket, path);

    static unsafe int Connect(SafeHandle socket, string path) => Call(Interop.UnixSocket.connect, socket, path);

    // The call's error number, or 0.
    static unsafe int Call(SocketCall call, SafeHandle socket, string path)
    {
        var name = Encoding.UTF8.GetBytes(path);
        var address = stackalloc byte[FamilySize + LongestName];
        address[0] = Interop.UnixSocket.AF_UNIX;
        address[1] = 0;
        name.CopyTo(new Span<byte>(address + FamilySize, LongestName));
        return call(socket, address, (uint)(FamilySize + name.Length)) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    unsafe delegate int SocketCall(SafeHandle socket, byte* address, uint length);
}
