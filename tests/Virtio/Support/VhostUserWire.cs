using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>
/// The front end's end of a vhost-user connection at the level of messages, written from the protocol and without the product's
/// code: any request, any payload, any descriptors, also wrong ones.
/// </summary>
sealed unsafe class VhostUserWire : IDisposable
{
    public const uint GetFeatures = 1, SetFeatures = 2, SetOwner = 3, SetMemTable = 5, SetVringNum = 8, SetVringAddr = 9, SetVringBase = 10,
        GetVringBase = 11, SetVringKick = 12, SetVringCall = 13, SetVringErr = 14, GetProtocolFeatures = 15, SetProtocolFeatures = 16,
        GetQueueNum = 17, SetVringEnable = 18, GetConfig = 24, SetConfig = 25;

    const int TimeoutMilliseconds = 20_000;

    readonly Socket _socket;

    public VhostUserWire(string path)
    {
        _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = TimeoutMilliseconds };
        _socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    public VhostUserWire(Socket connected)
    {
        _socket = connected;
        _socket.ReceiveTimeout = TimeoutMilliseconds;
    }

    /// <summary>Sends a message with a correct header.</summary>
    public void Send(uint request, ReadOnlySpan<byte> payload, bool needReply = false, params ReadOnlySpan<SafeHandle> descriptors)
    {
        var bytes = new byte[12 + payload.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, request);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), needReply ? 9u : 1u);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), (uint)payload.Length);
        payload.CopyTo(bytes.AsSpan(12));
        SendRaw(bytes, descriptors);
    }

    /// <summary>Sends bytes as they are.</summary>
    public void SendRaw(ReadOnlySpan<byte> bytes, params ReadOnlySpan<SafeHandle> descriptors)
    {
        var control = stackalloc byte[Interop.Socket.DescriptorSpace(32)];
        fixed (byte* start = bytes)
        {
            var vector = new Interop.Socket.iovec { iov_base = start, iov_len = (nuint)bytes.Length };
            var header = new Interop.Socket.msghdr { msg_iov = &vector, msg_iovlen = 1 };
            if (descriptors.Length > 0)
            {
                var message = (Interop.Socket.cmsghdr*)control;
                message->cmsg_len = (nuint)(sizeof(Interop.Socket.cmsghdr) + descriptors.Length * sizeof(int));
                message->cmsg_level = Interop.Socket.SOL_SOCKET;
                message->cmsg_type = Interop.Socket.SCM_RIGHTS;
                for (var i = 0; i < descriptors.Length; i++)
                {
                    ((int*)(control + sizeof(Interop.Socket.cmsghdr)))[i] = (int)descriptors[i].DangerousGetHandle();
                }

                header.msg_control = control;
                header.msg_controllen = (nuint)Interop.Socket.DescriptorSpace(descriptors.Length);
            }

            Assert.Equal(bytes.Length, Interop.Socket.sendmsg(_socket.SafeHandle, &header, Interop.Socket.MSG_NOSIGNAL));
        }
    }

    public void SendU64(uint request, ulong value, bool needReply = false, params ReadOnlySpan<SafeHandle> descriptors)
    {
        Span<byte> payload = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(payload, value);
        Send(request, payload, needReply, descriptors);
    }

    public void SendState(uint request, uint index, uint value, bool needReply = false)
    {
        Span<byte> payload = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, index);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[4..], value);
        Send(request, payload, needReply);
    }

    /// <summary>Reads the reply to a request and returns its payload.</summary>
    public byte[] Receive(uint request)
    {
        var header = ReadExactly(12);
        Assert.Equal(request, BinaryPrimitives.ReadUInt32LittleEndian(header));
        Assert.Equal(5u, BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4)));
        return ReadExactly((int)BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8)));
    }

    public ulong ReceiveU64(uint request)
    {
        var payload = Receive(request);
        Assert.Equal(8, payload.Length);
        return BinaryPrimitives.ReadUInt64LittleEndian(payload);
    }

    /// <summary>Reads an acknowledgement, of whatever request.</summary>
    public ulong ReceiveAcknowledgement()
    {
        var reply = ReadExactly(12 + 8);
        Assert.Equal((5u, 8u), (BinaryPrimitives.ReadUInt32LittleEndian(reply.AsSpan(4)), BinaryPrimitives.ReadUInt32LittleEndian(reply.AsSpan(8))));
        return BinaryPrimitives.ReadUInt64LittleEndian(reply.AsSpan(12));
    }

    public ulong Ask(uint request)
    {
        Send(request, []);
        return ReceiveU64(request);
    }

    /// <summary>Waits for the back end to close the connection; nothing else may come.</summary>
    public void ExpectEnd()
    {
        try
        {
            Assert.Equal(0, _socket.Receive(new byte[1]));
        }
        catch (SocketException exception)
        {
            // Bytes that the back end did not read any more turn its end into a reset.
            Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
        }
    }

    public void Dispose() => _socket.Dispose();

    byte[] ReadExactly(int count)
    {
        var bytes = new byte[count];
        for (var read = 0; read < count;)
        {
            var more = _socket.Receive(bytes.AsSpan(read));
            Assert.True(more > 0, "The back end closed the connection.");
            read += more;
        }

        return bytes;
    }
}
