using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Cbor.Tests;

/// <summary>Generators of CBOR: every type, every width of head, both length forms; and of damage to it.</summary>
static class CborDocuments
{
    /// <summary>One item, well-formed, at most eight levels deep.</summary>
    public static Gen<byte[]> Item { get; } = Gen.Sized(size => ItemOf(Math.Min(size / 12, 8)));

    /// <summary>A well-formed item with one to four bytes replaced, removed, inserted or cut off; or bytes of any value.</summary>
    public static Gen<byte[]> Hostile { get; } = Gen.Frequency(
        (8, from item in Item from mutations in Gen.Choose(1, 4) from seed in Gen.Choose(0, int.MaxValue - 1) select Mutate(item, mutations, seed)),
        (1, Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf()));

    static Gen<byte[]> Integer { get; } = from major in Gen.Choose(0, 1) from head in HeadOf(major) select head;

    static Gen<byte[]> Simple { get; } = Gen.Elements<byte[]>(
        [0xF4], [0xF5], [0xF6], [0xF7], [0xE0], [0xF3], [0xF8, 0x20], [0xF8, 0xFF], [0xF9, 0x3C, 0x00], [0xFA, 1, 2, 3, 4], [0xFB, 1, 2, 3, 4, 5, 6, 7, 8]);

    static Gen<byte[]> Bytes { get; } = Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf();

    static Gen<byte[]> Text { get; } = Gen.Elements("", "a", "pcrs", "ü", "水", "𐅑", "\0", "module_id").ArrayOf()
        .Select(parts => System.Text.Encoding.UTF8.GetBytes(string.Concat(parts)));

    static Gen<byte[]> String { get; } = Gen.OneOf(Chunk(2, Bytes), Chunk(3, Text), Chunks(2, Bytes), Chunks(3, Text));

    static Gen<byte[]> ItemOf(int depth)
    {
        if (depth == 0)
        {
            return Gen.OneOf(Integer, String, Simple);
        }

        var inner = Gen.Sized(size => ItemOf(depth - 1).Resize(size / 2));
        var items = Gen.Choose(0, 5).SelectMany(count => inner.ArrayOf(count));
        var pairs = Gen.Choose(0, 4).SelectMany(count => inner.ArrayOf(2 * count));
        return Gen.OneOf(
            Integer,
            String,
            Simple,
            from head in HeadOf(6) from item in inner select Join(head, item),
            from content in items from head in HeadOf(4, (ulong)content.Length) select Join([head, .. content]),
            from content in pairs from head in HeadOf(5, (ulong)content.Length / 2) select Join([head, .. content]),
            items.Select(content => Join([[0x9F], .. content, [0xFF]])),
            pairs.Select(content => Join([[0xBF], .. content, [0xFF]])));
    }

    static Gen<byte[]> Chunk(int major, Gen<byte[]> content) =>
        from bytes in content from head in HeadOf(major, (ulong)bytes.Length) select Join(head, bytes);

    static Gen<byte[]> Chunks(int major, Gen<byte[]> content) =>
        from chunks in Chunk(major, content).ArrayOf() select Join([[(byte)(major << 5 | 31)], .. chunks, [0xFF]]);

    static Gen<byte[]> HeadOf(int major) =>
        from width in Gen.Choose(0, 64)
        from low in Gen.Choose(0, int.MaxValue - 1)
        from high in Gen.Choose(0, int.MaxValue - 1)
        let value = ((ulong)high << 33) ^ (ulong)low
        from head in HeadOf(major, width == 0 ? 0 : value >> (64 - width))
        select head;

    /// <summary>The head in any of the widths that hold its argument.</summary>
    static Gen<byte[]> HeadOf(int major, ulong argument) =>
        from width in Gen.Elements(0, 0, 1, 2, 4, 8) select Head(major, argument, width);

    static byte[] Head(int major, ulong argument, int width)
    {
        width = Math.Max(width, argument switch { < 24 => 0, <= byte.MaxValue => 1, <= ushort.MaxValue => 2, <= uint.MaxValue => 4, _ => 8 });
        var head = new byte[1 + width];
        head[0] = (byte)(major << 5 | (width == 0 ? (int)argument : 24 + int.Log2(width)));
        for (var index = width; index > 0; index--, argument >>= 8)
        {
            head[index] = (byte)argument;
        }

        return head;
    }

    static byte[] Mutate(byte[] item, int mutations, int seed)
    {
        var random = new System.Random(seed);
        var bytes = new List<byte>(item);
        while (mutations-- > 0)
        {
            var at = random.Next(bytes.Count + 1);
            switch (random.Next(4))
            {
                case 0 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1 when at < bytes.Count:
                    bytes.RemoveAt(at);
                    break;
                case 2:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                default:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
            }
        }

        return [.. bytes];
    }

    static byte[] Join(params byte[][] parts) => [.. parts.SelectMany(part => part)];
}
