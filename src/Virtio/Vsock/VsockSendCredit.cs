namespace NitroEnclaves.Virtio;

/// <summary>Our allowance: how many bytes the guest says it can take. It may say anything; nothing here overflows or goes backwards.</summary>
struct VsockSendCredit
{
    uint _sent;
    uint _forwarded;
    uint _bufferSize;

    /// <summary>Bytes that may be sent now: the guest's buffer less what is on its way, never below 0.</summary>
    internal readonly long Available => Math.Max(0, (long)_bufferSize - (_sent - _forwarded));

    /// <summary>Takes the credit fields of a packet from the guest.</summary>
    /// <param name="peerBufferSize"><c>buf_alloc</c>; it may shrink below what is on its way.</param>
    /// <param name="peerForwarded"><c>fwd_cnt</c>; ignored where it goes backwards, or beyond what was sent.</param>
    internal void Update(uint peerBufferSize, uint peerForwarded)
    {
        _bufferSize = peerBufferSize;
        if (peerForwarded - _forwarded <= _sent - _forwarded)
        {
            _forwarded = peerForwarded;
        }
    }

    /// <summary>Counts bytes sent.</summary>
    internal void Send(uint length) => _sent += length;
}
