namespace NitroEnclaves.Virtio;

// Sockets that keep the limits of messages (SOCK_SEQPACKET; virtio 1.3, 5.10.6.6). Unix sockets take and give a message in one piece, so
// it is put together here, which streams never need.
sealed partial class VsockDeviceConnection
{
    readonly VsockMessages? _messages;

    /// <summary>The type of the connection's packets.</summary>
    internal ushort Type => _messages is null ? VsockPacketHeader.StreamType : VsockPacketHeader.SeqpacketType;

    bool HasOutgoing => _messages is { Outgoing.IsEmpty: false };

    void ReceiveMessage(in DescriptorChain chain, int length, bool isEnd)
    {
        var hadBacklog = HasBacklog;
        Span<byte> piece = stackalloc byte[1024];
        _backlog ??= new VsockTransmitBuffer(_device.Buffers);
        for (var done = 0; done < length;)
        {
            var count = chain.Read(VsockPacketHeader.Size + done, piece[..Math.Min(piece.Length, length - done)]);
            if (!_backlog.TryAppend(piece[..count]))
            {
                _device.Counters.BufferLimitResets++;
                Reset(drain: false);
                return;
            }

            done += count;
        }

        if (!_messages!.TryAdd(length, isEnd))
        {
            Reset(drain: false);
        }
        else if (HasBacklog && !hadBacklog)
        {
            WriteBacklog();
            if (HasBacklog && State != VsockConnectionState.Closed)
            {
                _registration.Modify(Reading | ReadyEvents.Writable);
            }
        }
    }

    /// <summary>Sends the guest one packet of a message, whose last one says so.</summary>
    /// <returns>False when the guest's receive buffers have run out.</returns>
    bool DeliverMessage(int window)
    {
        if (!HasOutgoing && !TryTakeMessage())
        {
            return true;
        }

        var queue = _device.ReceiveQueue!;
        for (var useless = 0; useless < queue.Size && queue.TryPop(out var chain); useless++)
        {
            if (chain.WritableLength <= VsockPacketHeader.Size)
            {
                queue.AddUsed(chain.Head, 0);
                continue;
            }

            var rest = _messages!.Outgoing;
            var length = Math.Min(Math.Min(rest.Length, window), Math.Min(chain.WritableLength - VsockPacketHeader.Size, VsockPacketHeader.MaxPayload));
            var isEnd = length == rest.Length;
            Span<byte> header = stackalloc byte[VsockPacketHeader.Size];
            (Header(VsockOperation.ReadWrite, isEnd ? VsockPacketHeader.EndOfMessage : 0) with { Length = (uint)length }).Write(header);
            chain.Write(0, header);
            chain.Write(VsockPacketHeader.Size, rest[..length]);
            queue.AddUsed(chain.Head, (uint)(VsockPacketHeader.Size + length));
            _device.Counters.PacketsToGuest++;
            _device.Counters.BytesToGuest += length;
            _messages.Advance(length);
            _sending.Send((uint)length);
            _received.Announce();
            return true;
        }

        return false;
    }

    bool TryTakeMessage()
    {
        var length = VsockHostSocket.PeekMessage(_socket, out var error);
        if (length is > 0 and <= VsockMessages.MaxLength)
        {
            // Nobody else reads the socket: the message that was seen is the one that comes.
            if (VsockHostSocket.ReceiveMessage(_socket, _messages!.Begin(length)) == length)
            {
                return true;
            }

            _messages.Advance(length);
            _hostWillNotSend = true;
        }
        else if (length > VsockMessages.MaxLength)
        {
            Reset(drain: false);
        }
        else if (length < 0 && error == Interop.Errno.EAGAIN)
        {
            _hostIsReadable = false;
        }
        else
        {
            _hostWillNotSend = true;
            _hostIsGone |= error != 0 || VsockHostSocket.IsHungUp(_socket);
            _hostWillNotReceive |= _hostIsGone;
        }

        return false;
    }
}
