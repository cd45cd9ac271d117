using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

/// <summary>
/// The framing of a vhost-user connection: whole messages in, with the descriptors that came along, replies out. It never
/// blocks and holds one message at most, of bounded size.
/// </summary>
sealed unsafe class VhostUserChannel : IDisposable
{
    // Unsafe because recvmsg(2) takes pointers to buffers on the stack and in the pinned array; all of them outlive the call.

    // The longest request is a memory table: 8 + 8 regions of 32 bytes; the longest configuration access 12 + 256.
    const int MaxPayload = 12 + MaxConfiguration;
    internal const int MaxConfiguration = 256;

    readonly SafeHandle _socket;
    readonly byte[] _buffer = GC.AllocateArray<byte>(VhostUserMessage.HeaderSize + MaxPayload, pinned: true);
    readonly SafeDescriptor?[] _descriptors = new SafeDescriptor?[GuestMemory.MaxRegions];
    int _descriptorCount;
    int _received;

    /// <summary>Takes a connected stream socket over.</summary>
    internal VhostUserChannel(SafeHandle socket) => _socket = socket;

    internal SafeHandle Descriptor => _socket;

    /// <summary>Receives the rest of a message.</summary>
    /// <param name="message">The message, when it is whole; its unclaimed descriptors are closed by <see cref="Release"/>.</param>
    /// <param name="ended">Whether the front end closed the connection between two messages.</param>
    /// <returns>Whether there is a message; else the socket has nothing more for now, or has ended.</returns>
    /// <exception cref="VirtioException">The bytes are no message, or the connection broke.</exception>
    internal bool TryReceive(out VhostUserMessage message, out bool ended)
    {
        message = default;
        ended = false;
        var size = VhostUserMessage.HeaderSize;
        while (true)
        {
            if (_received >= VhostUserMessage.HeaderSize)
            {
                size = VhostUserMessage.HeaderSize + PayloadSize();
            }

            if (_received == size)
            {
                message = Parse(size);
                _received = 0;
                return true;
            }

            var count = ReceiveInto(_buffer.AsSpan(_received, size - _received));
            if (count == 0 && _received == 0)
            {
                ended = true;
            }

            if (count == 0 && _received > 0)
            {
                throw new VirtioException(VirtioFault.ConnectionLost, "The front end closed the connection in the middle of a message.");
            }

            if (count <= 0)
            {
                return false;
            }

            _received += count;
        }
    }

    /// <summary>Closes what the message's handler did not take.</summary>
    internal void Release()
    {
        foreach (ref var descriptor in _descriptors.AsSpan(0, _descriptorCount))
        {
            descriptor?.Dispose();
            descriptor = null;
        }

        _descriptorCount = 0;
    }

    /// <summary>Answers a request.</summary>
    /// <exception cref="VirtioException">The front end does not read its replies, or is gone.</exception>
    internal void Reply(VhostUserRequest request, ReadOnlySpan<byte> payload)
    {
        Span<byte> bytes = stackalloc byte[VhostUserMessage.HeaderSize + MaxPayload];
        bytes = bytes[..(VhostUserMessage.HeaderSize + payload.Length)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)request);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], VhostUserMessage.Version | VhostUserMessage.ReplyFlag);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], (uint)payload.Length);
        payload.CopyTo(bytes[VhostUserMessage.HeaderSize..]);
        fixed (byte* start = bytes)
        {
            var vector = new Interop.Socket.iovec { iov_base = start, iov_len = (nuint)bytes.Length };
            var header = new Interop.Socket.msghdr { msg_iov = &vector, msg_iovlen = 1 };
            nint sent;
            do
            {
                sent = Interop.Socket.sendmsg(_socket, &header, Interop.Socket.MSG_DONTWAIT | Interop.Socket.MSG_NOSIGNAL);
            }
            while (sent < 0 && Marshal.GetLastPInvokeError() == Interop.Errno.EINTR);

            // A reply of a few bytes does not fit only where hundreds lie unread.
            if (sent != bytes.Length)
            {
                throw new VirtioException(VirtioFault.ConnectionLost, $"The reply to {request} cannot be sent.",
                    sent < 0 ? new Win32Exception(Marshal.GetLastPInvokeError()) : null);
            }
        }
    }

    /// <summary>Answers a request with one number.</summary>
    internal void Reply(VhostUserRequest request, ulong value)
    {
        Span<byte> payload = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(payload, value);
        Reply(request, payload);
    }

    public void Dispose()
    {
        Release();
        _socket.Dispose();
    }

    int PayloadSize()
    {
        var request = BinaryPrimitives.ReadUInt32LittleEndian(_buffer);
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(4));
        var size = BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(8));
        if ((flags & ~VhostUserMessage.NeedReplyFlag) != VhostUserMessage.Version)
        {
            throw new VirtioException(VirtioFault.MessageHeader, $"Request {request} with flags 0x{flags:x}.");
        }

        if (size > MaxPayload)
        {
            throw new VirtioException(VirtioFault.MessageSize,
                $"Request {request} with a payload of {size} bytes; {MaxPayload} are possible.");
        }

        return (int)size;
    }

    VhostUserMessage Parse(int size)
    {
        var request = (VhostUserRequest)BinaryPrimitives.ReadUInt32LittleEndian(_buffer);
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(4));
        return new VhostUserMessage(
            request,
            (flags & VhostUserMessage.NeedReplyFlag) != 0,
            _buffer.AsSpan(VhostUserMessage.HeaderSize, size - VhostUserMessage.HeaderSize),
            _descriptors.AsSpan(0, _descriptorCount));
    }

    // Bytes received; 0 at the end; -1 when there is nothing yet.
    int ReceiveInto(Span<byte> destination)
    {
        var controlSize = Interop.Socket.DescriptorSpace(GuestMemory.MaxRegions);
        var control = stackalloc byte[controlSize];
        fixed (byte* start = destination)
        {
            var vector = new Interop.Socket.iovec { iov_base = start, iov_len = (nuint)destination.Length };
            var header = new Interop.Socket.msghdr
            {
                msg_iov = &vector,
                msg_iovlen = 1,
                msg_control = control,
                msg_controllen = (nuint)controlSize,
            };
            var count = Interop.Socket.recvmsg(_socket, &header, Interop.Socket.MSG_DONTWAIT | Interop.Socket.MSG_CMSG_CLOEXEC);
            if (count < 0)
            {
                var error = Marshal.GetLastPInvokeError();
                return error is Interop.Errno.EAGAIN or Interop.Errno.EINTR
                    ? -1
                    : throw new VirtioException(VirtioFault.ConnectionLost, "The front end's connection broke.", new Win32Exception(error));
            }

            TakeDescriptors(header);
            return (int)count;
        }
    }

    // Whatever the kernel put into this process must be owned before anything is refused.
    void TakeDescriptors(in Interop.Socket.msghdr message)
    {
        var control = new ReadOnlySpan<byte>(message.msg_control, (int)message.msg_controllen);
        var tooMany = (message.msg_flags & Interop.Socket.MSG_CTRUNC) != 0;
        while (control.Length >= sizeof(Interop.Socket.cmsghdr))
        {
            var header = Unsafe.ReadUnaligned<Interop.Socket.cmsghdr>(ref MemoryMarshal.GetReference(control));
            if (header.cmsg_len < (nuint)sizeof(Interop.Socket.cmsghdr) || header.cmsg_len > (nuint)control.Length)
            {
                break;
            }

            if (header is { cmsg_level: Interop.Socket.SOL_SOCKET, cmsg_type: Interop.Socket.SCM_RIGHTS })
            {
                foreach (var number in MemoryMarshal.Cast<byte, int>(control[sizeof(Interop.Socket.cmsghdr)..(int)header.cmsg_len]))
                {
                    var descriptor = new SafeDescriptor(number);
                    if (_descriptorCount < _descriptors.Length)
                    {
                        _descriptors[_descriptorCount++] = descriptor;
                    }
                    else
                    {
                        descriptor.Dispose();
                        tooMany = true;
                    }
                }
            }

            control = control[Math.Min(((int)header.cmsg_len + 7) & ~7, control.Length)..];
        }

        if (tooMany)
        {
            throw new VirtioException(VirtioFault.MessageDescriptors, $"A message with more than {GuestMemory.MaxRegions} descriptors.");
        }
    }
}
