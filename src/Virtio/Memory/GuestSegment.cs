using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

/// <summary>
/// A bounds-checked piece of guest memory, laid out as <c>struct iovec</c> so that a span of them goes to readv(2) and writev(2) as it is.
/// The guest may change the bytes at any moment: copy before deciding on them.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public readonly unsafe struct GuestSegment
{
    // Unsafe because system calls scatter and gather over it and no managed object stands behind guest memory. Only
    // Virtqueue makes segments, from addresses that GuestMemory has checked, and a segment ends with the turn it was popped in.
    readonly byte* _address;
    readonly nuint _length;

    internal GuestSegment(byte* address, int length)
    {
        _address = address;
        _length = (nuint)length;
    }

    /// <summary>The first byte, in this process.</summary>
    public byte* Address => _address;

    /// <summary>Bytes, 1 to 2^31-1.</summary>
    public int Length => (int)_length;

    /// <summary>The bytes. Valid until the device returns from the call in which it popped the chain.</summary>
    public Span<byte> Span => new(_address, (int)_length);

    /// <summary>A part of the segment.</summary>
    /// <param name="start">Bytes left out at the beginning, 0 to <see cref="Length"/>.</param>
    /// <param name="count">Bytes taken.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie inside.</exception>
    public GuestSegment Slice(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)start, (uint)Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(Length - start));
        return new GuestSegment(_address + start, count);
    }
}
