namespace NitroEnclaves.Images.Tests;

public sealed class Lz4BlockTests
{
    [Fact]
    public void Matches_may_overlap_what_they_write()
    {
        // "ab", a match of 10 at distance 2, then the literals "XYZ".
        byte[] block = [0x26, (byte)'a', (byte)'b', 2, 0, 0x30, (byte)'X', (byte)'Y', (byte)'Z'];
        byte[] output = new byte[32];

        int length = Lz4Block.Unpack(block, output);

        Assert.Equal("ababababababXYZ"u8.ToArray(), output[..length]);
    }

    [Fact]
    public void Lengths_go_on_in_further_bytes()
    {
        // One literal, then a match of 4 + 15 + 255 + 3 at distance 1, then nothing.
        byte[] block = [0x1f, (byte)'x', 1, 0, 255, 3, 0];
        byte[] output = new byte[300];

        Assert.Equal(1 + 277, Lz4Block.Unpack(block, output));
        Assert.False(output.AsSpan(0, 278).ContainsAnyExcept((byte)'x'));
    }

    [Theory]
    [InlineData("")]
    [InlineData("10")]
    [InlineData("10610000")]
    [InlineData("10610200")]
    [InlineData("1f610100ff")]
    [InlineData("f0ffffff")]
    [InlineData("1f610100ffffffff00")]
    public void Malformed_blocks(string hex)
    {
        Assert.Throws<InvalidDataException>(() => Lz4Block.Unpack(Convert.FromHexString(hex), new byte[100]));
    }
}
