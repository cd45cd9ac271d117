namespace NitroEnclaves.Virtio;

/// <summary>
/// Resets for packets that belong to no connection, waiting for receive buffers. When it is full the device reads no more packets until
/// the guest has provided buffers: a flood costs nobody else memory.
/// </summary>
/// <param name="capacity">Most resets that wait.</param>
sealed class VsockResetQueue(int capacity)
{
    readonly VsockPacketHeader[] _resets = new VsockPacketHeader[capacity];
    int _first;

    internal int Count { get; private set; }

    internal bool IsFull => Count == _resets.Length;

    internal ref readonly VsockPacketHeader First => ref _resets[_first];

    /// <summary>Adds the reset that answers a packet.</summary>
    internal void Add(in VsockPacketHeader packet) => _resets[(_first + Count++) % _resets.Length] = packet.ToReset();

    internal void RemoveFirst()
    {
        _first = (_first + 1) % _resets.Length;
        Count--;
    }

    internal void Clear() => _first = Count = 0;
}
