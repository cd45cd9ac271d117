using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Unicode;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>The line <c>OK port</c> with which a guest's acceptance is told, written at one end and read at the other.</summary>
sealed unsafe class VsockGreeting : IVsockGreeting
{
    // Unsafe because recv(2) and send(2) take addresses; each is of a span on the stack, with its length.

    /// <summary>The longest line that anybody sends, with blanks to spare.</summary>
    internal const int MaxLine = 32;

    VsockGreeting()
    {
    }

    /// <summary>Reads the line. Stateless: what has come is only looked at until it is whole.</summary>
    internal static VsockGreeting Reader { get; } = new();

    /// <summary>Tells a program that the guest has accepted. To one that has gone the device finds out by itself.</summary>
    internal static void Send(SafeDescriptor socket, uint port)
    {
        Span<byte> answer = stackalloc byte[MaxLine];
        Utf8.TryWrite(answer, CultureInfo.InvariantCulture, $"OK {port}\n", out var length);
        fixed (byte* start = answer)
        {
            Interop.UnixSocket.send(socket, start, (nuint)length, Interop.UnixSocket.MSG_DONTWAIT | Interop.UnixSocket.MSG_NOSIGNAL);
        }
    }

    public VsockGreetingState Read(SafeDescriptor socket)
    {
        var line = stackalloc byte[MaxLine];
        var length = (int)Interop.UnixSocket.recv(socket, line, MaxLine, Interop.UnixSocket.MSG_PEEK | Interop.UnixSocket.MSG_DONTWAIT);
        if (length < 0 && Marshal.GetLastPInvokeError() is Interop.UnixSocket.EAGAIN or Interop.UnixSocket.EINTR)
        {
            return VsockGreetingState.Incomplete;
        }

        var bytes = new ReadOnlySpan<byte>(line, Math.Max(length, 0));
        var end = bytes.IndexOf((byte)'\n');
        if (end < 0)
        {
            return length is > 0 and < MaxLine ? VsockGreetingState.Incomplete : VsockGreetingState.Refused;
        }

        Interop.UnixSocket.recv(socket, line, (nuint)(end + 1), Interop.UnixSocket.MSG_DONTWAIT);
        return bytes.StartsWith("OK "u8) ? VsockGreetingState.Granted : VsockGreetingState.Refused;
    }
}
