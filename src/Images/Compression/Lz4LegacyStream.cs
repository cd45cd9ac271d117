using System.Buffers;
using System.Buffers.Binary;

namespace NitroEnclaves.Images;

/// <summary>
/// Unpacks LZ4's legacy frames, the form in which kernels are packed: the magic number 0x184C2102, then blocks of a length (u32)
/// and data that unpack to 8 MiB each, the last one to less. All numbers are little-endian.
/// </summary>
sealed class Lz4LegacyStream(Stream input) : ReadOnlyStream
{
    const uint Magic = 0x184C2102;
    const int MaxBlock = 8 << 20;

    // A block of bytes that cannot be packed grows by one byte in 255.
    const int MaxPackedBlock = MaxBlock + (MaxBlock / 255) + 16;

    readonly byte[] _block = ArrayPool<byte>.Shared.Rent(MaxBlock);
    bool _disposed;
    byte[] _packed = [];
    int _position;
    int _length;
    bool _started;

    /// <summary>Reads unpacked bytes.</summary>
    /// <exception cref="InvalidDataException">The compressed bytes are malformed or end early.</exception>
    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        while (_position == _length)
        {
            if (!ReadBlock())
            {
                return 0;
            }
        }

        int count = Math.Min(buffer.Length, _length - _position);
        _block.AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            ArrayPool<byte>.Shared.Return(_block);
            input.Dispose();
        }

        base.Dispose(disposing);
    }

    bool ReadBlock()
    {
        Span<byte> word = stackalloc byte[4];
        while (true)
        {
            int read = input.ReadAtLeast(word, word.Length, throwOnEndOfStream: false);
            if (read == 0 && _started)
            {
                return false;
            }

            if (read < word.Length)
            {
                throw new InvalidDataException("The LZ4 data ends early.");
            }

            uint value = BinaryPrimitives.ReadUInt32LittleEndian(word);
            if (value == Magic)
            {
                _started = true;
                continue;
            }

            if (!_started || value > MaxPackedBlock)
            {
                throw new InvalidDataException("The LZ4 data has no legacy frame, or a block too large.");
            }

            Unpack((int)value);
            return true;
        }
    }

    void Unpack(int packedLength)
    {
        if (_packed.Length < packedLength)
        {
            _packed = new byte[packedLength];
        }

        var source = _packed.AsSpan(0, packedLength);
        if (input.ReadAtLeast(source, packedLength, throwOnEndOfStream: false) < packedLength)
        {
            throw new InvalidDataException("The LZ4 data ends early.");
        }

        _position = 0;
        _length = Lz4Block.Unpack(source, _block.AsSpan(0, MaxBlock));
    }
}
