using System.Text;

namespace NitroEnclaves.Images.Tests;

public sealed class Crc32Tests
{
    [Fact]
    public void Check_value_of_the_catalogue() => Assert.Equal(0xCBF43926u, Crc32.Append(0, "123456789"u8));

    [Fact]
    public void Both_ways_agree_for_every_length_and_alignment()
    {
        byte[] data = new byte[700];
        new Random(1).NextBytes(data);
        for (int start = 0; start < 17; start++)
        {
            for (int length = 0; start + length <= data.Length; length++)
            {
                var piece = data.AsSpan(start, length);
                Assert.Equal(Bitwise(0x1234u, piece), Crc32.Append(0x1234u, piece));
                Assert.Equal(Bitwise(0x1234u, piece), Crc32.AppendPortably(0x1234u, piece));
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(4096)]
    [InlineData(100_003)]
    public void Pieces_combine(int secondLength)
    {
        byte[] data = new byte[1000 + secondLength];
        new Random(2).NextBytes(data);

        uint combined = Crc32.Combine(Crc32.Append(0, data.AsSpan(0, 1000)), Crc32.Append(0, data.AsSpan(1000)), secondLength);

        Assert.Equal(Crc32.Append(0, data), combined);
    }

    [Fact]
    public void Combining_takes_lengths_beyond_32_bits()
    {
        // Zeros to the length 2^33 by doubling: crc(z || z) from crc(z) alone.
        uint crc = Crc32.Append(0, [0]);
        uint expected = crc;
        long length = 1;
        for (int i = 0; i < 33; i++)
        {
            expected = Crc32.Combine(expected, expected, length);
            length *= 2;
        }

        uint head = Crc32.Append(0, Encoding.ASCII.GetBytes("head"));
        uint direct = Crc32.Combine(head, expected, length);
        uint byHalves = Crc32.Combine(Crc32.Combine(head, HalfOf(), length / 2), HalfOf(), length / 2);

        Assert.Equal(direct, byHalves);

        uint HalfOf()
        {
            uint half = crc;
            for (long n = 1; n < length / 2; n *= 2)
            {
                half = Crc32.Combine(half, half, n);
            }

            return half;
        }
    }

    static uint Bitwise(uint crc, ReadOnlySpan<byte> data)
    {
        crc = ~crc;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
            }
        }

        return ~crc;
    }
}
