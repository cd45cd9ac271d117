using System.Security.Cryptography;

namespace NitroEnclaves.Nsm.Tests;

public sealed class PcrValueTests
{
    [Fact]
    public void A_value_has_48_bytes()
    {
        Assert.Equal(48, PcrValue.Zero.Bytes.Length);
        Assert.True(PcrValue.Zero.IsZero);
        Assert.Throws<ArgumentException>(() => new PcrValue(new byte[47]));
        Assert.Throws<ArgumentException>(() => new PcrValue(new byte[49]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(100_000)]
    public void Any_length_extends_by_the_same_rule(int length)
    {
        var data = new byte[length];
        new Random(1).NextBytes(data);
        var start = PcrValue.OfContent("start"u8);
        Assert.Equal(SHA384.HashData([.. start.Bytes, .. data]), start.Extend(data).Bytes.ToArray());
        Assert.Equal(SHA384.HashData([.. new byte[48], .. SHA384.HashData(data)]), PcrValue.OfContent(data).Bytes.ToArray());
    }

    [Fact]
    public void Without_further_ramdisks_PCR2_is_the_content_of_nothing() =>
        Assert.StartsWith("21b9efbc1848", PcrValue.OfContent([]).ToString(), StringComparison.Ordinal);

    [Fact]
    public void Hexadecimal_digits_go_both_ways()
    {
        var value = PcrValue.OfContent("x"u8);
        Assert.Equal(value, PcrValue.Parse(value.ToString()));
        Assert.Equal(value, PcrValue.Parse(value.ToString().ToUpperInvariant()));
        foreach (var text in new[] { "", "00", new string('0', 95), new string('0', 97), new string('g', 96) })
        {
            Assert.False(PcrValue.TryParse(text, out var none));
            Assert.True(none.IsZero);
            Assert.Throws<FormatException>(() => PcrValue.Parse(text));
        }
    }

    [Fact]
    public void Values_are_equal_by_their_bytes()
    {
        var value = PcrValue.OfContent("x"u8);
        var same = new PcrValue(value.Bytes);
        Assert.True(value == same);
        Assert.False(value != same);
        Assert.Equal(value.GetHashCode(), same.GetHashCode());
        Assert.True(value.Equals((object)same));
        Assert.False(value.Equals("x"));
        for (var i = 0; i < PcrValue.Length; i++)
        {
            var bytes = value.Bytes.ToArray();
            bytes[i] ^= 0x80;
            Assert.True(value != new PcrValue(bytes));
        }
    }

    [Fact]
    public void Roles_and_instances_have_names()
    {
        Assert.Throws<ArgumentException>(() => PcrValue.OfRole(""));
        Assert.Throws<ArgumentException>(() => PcrValue.OfInstance(""));
    }
}
