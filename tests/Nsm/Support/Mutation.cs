using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Nsm.Tests;

/// <summary>Well-formed messages with a few bytes changed, dropped, doubled or cut off.</summary>
static class Mutation
{
    public static Gen<byte[]> Of(byte[][] originals)
    {
        var change = Gen.Choose(0, 4).SelectMany(kind =>
            Gen.Choose(0, int.MaxValue).SelectMany(position =>
            Gen.OneOf(Gen.Choose(0, 255), Gen.Elements(0x00, 0x18, 0x1B, 0x5B, 0x7F, 0x81, 0x9F, 0xA0, 0xA1, 0xBF, 0xC1, 0xF6, 0xFF)).Select(value =>
            (Kind: kind, Position: position, Value: (byte)value))));
        return Gen.Elements(originals).SelectMany(original => change.NonEmptyListOf().Select(changes =>
        {
            var bytes = original.ToList();
            foreach (var (kind, position, value) in changes.Take(4))
            {
                Apply(bytes, kind, position % (bytes.Count + 1), value);
            }

            return bytes.ToArray();
        }));
    }

    static void Apply(List<byte> bytes, int kind, int position, byte value)
    {
        if (kind == 0 || position == bytes.Count)
        {
            bytes.Insert(position, value);
        }
        else if (kind == 1)
        {
            bytes.RemoveAt(position);
        }
        else if (kind == 2)
        {
            bytes.RemoveRange(position, bytes.Count - position);
        }
        else
        {
            bytes[position] = kind == 3 ? value : (byte)(bytes[position] ^ (1 << (value & 7)));
        }
    }
}
