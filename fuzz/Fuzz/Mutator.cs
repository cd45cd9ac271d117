using System.Buffers.Binary;

namespace NitroEnclaves.Fuzz;

/// <summary>Changes inputs: a few small damages, or parts of two put together. The same seed gives the same changes.</summary>
sealed class Mutator(int seed, int maximumLength)
{
    static readonly byte[] Interesting = [0x00, 0x01, 0x17, 0x18, 0x1F, 0x20, 0x3F, 0x40, 0x5F, 0x7F, 0x80, 0x81, 0x9F, 0xA0, 0xBF, 0xC0, 0xF6, 0xFF];

    static readonly ulong[] Boundaries =
        [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, long.MaxValue, ulong.MaxValue];

    readonly Random _random = new(seed);

    public byte[] Next(IReadOnlyList<byte[]> corpus)
    {
        var bytes = new List<byte>(Pick(corpus));
        if (_random.Next(8) == 0)
        {
            Splice(bytes, Pick(corpus));
        }

        for (var damages = 1 << _random.Next(4); damages > 0; damages--)
        {
            Damage(bytes);
        }

        return bytes.Count <= maximumLength ? [.. bytes] : [.. bytes[..maximumLength]];
    }

    byte[] Pick(IReadOnlyList<byte[]> corpus) => corpus[_random.Next(corpus.Count)];

    void Splice(List<byte> bytes, byte[] other)
    {
        var from = _random.Next(other.Length + 1);
        var at = _random.Next(bytes.Count + 1);
        bytes.RemoveRange(at, bytes.Count - at);
        bytes.AddRange(other[from..]);
    }

    void Damage(List<byte> bytes)
    {
        var at = _random.Next(bytes.Count + 1);
        var length = Math.Min(_random.Next(1, 1 << _random.Next(1, 8)), bytes.Count - at);
        switch (_random.Next(9))
        {
            case 0 when length > 0:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1 when length > 0:
                bytes[at] = Interesting[_random.Next(Interesting.Length)];
                break;
            case 2 when length > 0:
                bytes[at] = (byte)_random.Next(256);
                break;
            case 3 when length > 0:
                bytes[at] += (byte)_random.Next(-4, 5);
                break;
            case 4:
                bytes.RemoveRange(at, length);
                break;
            case 5:
                bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
            case 6:
                bytes.Insert(at, Interesting[_random.Next(Interesting.Length)]);
                break;
            case 7 when _random.Next(4) == 0:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            default:
                PutBoundary(bytes, at);
                break;
        }
    }

    /// <summary>Overwrites 1, 2, 4 or 8 bytes by a number at the edge of a range, in either order.</summary>
    void PutBoundary(List<byte> bytes, int at)
    {
        Span<byte> number = stackalloc byte[8];
        var width = 1 << _random.Next(4);
        var value = Boundaries[_random.Next(Boundaries.Length)];
        if (_random.Next(2) == 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(number, value);
            number = number[..width];
        }
        else
        {
            BinaryPrimitives.WriteUInt64BigEndian(number, value);
            number = number[^width..];
        }

        for (var index = 0; index < width && at + index < bytes.Count; index++)
        {
            bytes[at + index] = number[index];
        }
    }
}
