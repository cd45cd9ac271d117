namespace NitroEnclaves.Virtio;

/// <summary>
/// The guest's allowance: how many bytes it may still send, by what was promised to it. All counters run modulo 2^32.
/// </summary>
/// <param name="bufferSize">Bytes that are kept for a host that does not read; what every packet announces as <c>buf_alloc</c>.</param>
struct VsockReceivedCredit(uint bufferSize)
{
    uint _received;
    uint _announced;

    internal readonly uint BufferSize => bufferSize;

    /// <summary>Bytes passed on to the host: <c>fwd_cnt</c>.</summary>
    internal uint Forwarded { get; private set; }

    /// <summary>Counts bytes from the guest; false where it sends more than it may, by what was ever announced.</summary>
    internal bool TryReceive(uint length)
    {
        if (length > bufferSize - (_received - Forwarded))
        {
            return false;
        }

        _received += length;
        return true;
    }

    /// <summary>Counts bytes that the host has taken.</summary>
    internal void Forward(uint length) => Forwarded += length;

    /// <summary>Notes that a packet goes out and shows the guest the present state.</summary>
    internal void Announce() => _announced = Forwarded;

    /// <summary>
    /// Whether the guest should be told: half of the buffer has become free without its knowledge. Its senders then never
    /// run dry as long as the host reads, and a packet is spent on every second large one only. All that it has sent being
    /// forwarded, it always knows of at least half.
    /// </summary>
    internal readonly bool ShouldAnnounce => Forwarded - _announced >= bufferSize / 2;
}
