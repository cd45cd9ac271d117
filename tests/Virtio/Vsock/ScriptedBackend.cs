using System.Net.Sockets;
using System.Threading.Channels;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>The parent's side of a device under test: each port is a script; others refuse.</summary>
sealed unsafe class ScriptedBackend : IVsockBackend
{
    readonly Channel<Socket> _accepted = Channel.CreateUnbounded<Socket>();

    /// <summary>What the last request said.</summary>
    public VsockConnectRequest LastRequest { get; private set; }

    /// <summary>Ports that accept at once; <see cref="Accept"/> gives the other end.</summary>
    public HashSet<uint> Ports { get; } = [5000];

    /// <summary>Bytes that the kernel buffers towards the test's end; 0 for its default.</summary>
    public int SendBuffer { get; set; }

    /// <summary>Answers in place of the ports, where set.</summary>
    public Func<VsockConnectRequest, VsockConnectResult>? Script { get; set; }

    public VsockConnectResult Connect(in VsockConnectRequest request)
    {
        LastRequest = request;
        if (Script is { } script)
        {
            return script(request);
        }

        if (!Ports.Contains(request.Port) || request.Cid is not (2 or 3))
        {
            return VsockConnectResult.Refused;
        }

        var (device, host) = Pair(SendBuffer);
        Assert.True(_accepted.Writer.TryWrite(host));
        return VsockConnectResult.Connected(device);
    }

    /// <summary>The host program's end of the next connection.</summary>
    public Socket Accept() => _accepted.Reader.ReadAsync().AsTask().WaitAsync(VsockGuest.Patience).GetAwaiter().GetResult();

    /// <summary>Two connected ends: one for the device, one for a host program.</summary>
    public static (SafeDescriptor Device, Socket Host) Pair(int sendBuffer = 0)
    {
        var ends = stackalloc int[2];
        Assert.Equal(0, Interop.Socket.socketpair(Interop.Socket.AF_UNIX, Interop.Socket.SOCK_STREAM | Interop.Socket.SOCK_CLOEXEC, 0, ends));
        var host = new Socket(new SafeSocketHandle(ends[1], ownsHandle: true)) { ReceiveTimeout = 60_000, SendTimeout = 60_000 };
        if (sendBuffer > 0)
        {
            using var view = new Socket(new SafeSocketHandle(ends[0], ownsHandle: false));
            view.SendBufferSize = sendBuffer;
        }

        return (new SafeDescriptor(ends[0]), host);
    }
}
