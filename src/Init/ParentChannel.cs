using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Init;

/// <summary>What init and the parent tell each other, over vsock: the enclave is up, and the program ended.</summary>
static class ParentChannel
{
    const uint ParentCid = 3;
    const uint Port = 9000;
    const byte ReadyByte = 0xB7;

    // The parent listens before it starts an enclave, but may be slow to answer where everything is emulated. It has a limit of its own,
    // after which it ends the enclave: this one is only there so that nothing waits for ever.
    static readonly TimeSpan s_readyLimit = TimeSpan.FromMinutes(2);
    static readonly TimeSpan s_callLimit = TimeSpan.FromSeconds(30);
    static readonly TimeSpan s_retryPause = TimeSpan.FromMilliseconds(50);
    static readonly TimeSpan s_endLimit = TimeSpan.FromSeconds(1);

    /// <summary>Sends the ready byte and waits for its echo, trying again for two minutes.</summary>
    /// <returns>False where there is no vsock device: then there is no parent to tell.</returns>
    /// <exception cref="InitException">Nobody answered in time, or with another byte.</exception>
    internal static bool SignalReady()
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var answer = ExchangeReadyByte(out var error);
            if (answer == ReadyByte)
            {
                return true;
            }

            if (answer >= 0)
            {
                throw new InitException($"the parent answered the ready byte with 0x{answer:x2}, not with 0x{ReadyByte:x2}");
            }

            if (error is Interop.ENODEV or Interop.EAFNOSUPPORT)
            {
                return false;
            }

            if (clock.Elapsed > s_readyLimit)
            {
                throw InitException.FromError($"reach the parent at vsock CID {ParentCid} port {Port}", error);
            }

            Thread.Sleep(s_retryPause);
        }
    }

    /// <summary>Tells the parent how the program ended, within a second; a parent that does not listen is none of init's business.</summary>
    internal static void ReportEnd(EndStatus status)
    {
        using var socket = Connect(s_endLimit, out _);
        if (socket is null)
        {
            return;
        }

        Span<byte> message = stackalloc byte[EndStatus.MessageLength];
        status.WriteMessage(message);
        if (Interop.send(socket, message, message.Length, Interop.MSG_NOSIGNAL) == message.Length)
        {
            // The reset that follows would overtake the message: the parent closes once it has read it.
            _ = Interop.shutdown(socket, Interop.SHUT_WR);
            _ = Interop.read(socket, message, 1);
        }
    }

    /// <summary>One attempt: the byte that came back, or -1 and the error number (0 where the parent closed).</summary>
    static int ExchangeReadyByte(out int error)
    {
        using var socket = Connect(s_callLimit, out error);
        if (socket is null)
        {
            return -1;
        }

        Span<byte> buffer = [ReadyByte];
        if (Interop.send(socket, buffer, 1, Interop.MSG_NOSIGNAL) != 1)
        {
            error = Marshal.GetLastPInvokeError();
            return -1;
        }

        var count = Interop.read(socket, buffer, 1);
        error = count < 0 ? Marshal.GetLastPInvokeError() : 0;
        return count == 1 ? buffer[0] : -1;
    }

    static SafeFileHandle? Connect(TimeSpan limit, out int error)
    {
        var socket = Interop.socket(Interop.AF_VSOCK, Interop.SOCK_STREAM | Interop.SOCK_CLOEXEC, 0);
        if (!socket.IsInvalid)
        {
            SetLimit(socket, Interop.AF_VSOCK, Interop.SO_VM_SOCKETS_CONNECT_TIMEOUT, limit);
            SetLimit(socket, Interop.SOL_SOCKET, Interop.SO_SNDTIMEO, limit);
            SetLimit(socket, Interop.SOL_SOCKET, Interop.SO_RCVTIMEO, limit);
            var parent = new Interop.sockaddr_vm { svm_family = Interop.AF_VSOCK, svm_cid = ParentCid, svm_port = Port };
            if (Interop.connect(socket, parent, 16) == 0)
            {
                error = 0;
                return socket;
            }
        }

        error = Marshal.GetLastPInvokeError();
        socket.Dispose();
        return null;
    }

    static void SetLimit(SafeFileHandle socket, int level, int option, TimeSpan limit)
    {
        var time = new Interop.timeval { tv_sec = (long)limit.TotalSeconds };
        _ = Interop.setsockopt(socket, level, option, time, 16);
    }
}
