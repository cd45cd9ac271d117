using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;

namespace NitroEnclaves.Cose.Tests;

/// <summary>ES384 signatures at the edges, in the manner of Project Wycheproof.</summary>
public sealed class SignatureEdgeTests
{
    /// <summary>The order of P-384 (FIPS 186-4, D.1.2.4).</summary>
    static BigInteger N { get; } = BigInteger.Parse(
        "0ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        NumberStyles.HexNumber,
        CultureInfo.InvariantCulture);

    static BigInteger Maximum { get; } = (BigInteger.One << 384) - 1;

    [Fact]
    public void Halves_at_the_edges_of_the_range_are_refused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var data = CoseSign1.Sign("payload"u8, key);
        var (r, s) = Split(data);
        BigInteger[] edges = [0, 1, 2, N - 1, N, N + 1, Maximum];
        foreach (var edge in edges)
        {
            Assert.False(Verifies(data, key, edge, s), $"r = {edge:x}");
            Assert.False(Verifies(data, key, r, edge), $"s = {edge:x}");
            foreach (var other in edges)
            {
                Assert.False(Verifies(data, key, edge, other), $"r = {edge:x}, s = {other:x}");
            }
        }

        Assert.True(Verifies(data, key, r, s));
        Assert.False(Verifies(data, key, s, r));
    }

    [Fact]
    public void Both_signs_of_s_are_accepted_as_hardware_signs_with_both()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var data = CoseSign1.Sign("payload"u8, key);
        var (r, s) = Split(data);

        Assert.True(Verifies(data, key, r, N - s));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(64)]
    [InlineData(95)]
    [InlineData(97)]
    [InlineData(132)]
    public void Signatures_of_another_length_are_refused_when_parsed(int length)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var data = CoseSign1.Sign([], key);
        var signature = new byte[length];
        data.AsSpan(^Math.Min(length, 96)..).CopyTo(signature);
        byte[] message = [.. data.AsSpan(0, data.Length - 98), .. length < 24 ? new[] { (byte)(0x40 + length) } : [0x58, (byte)length], .. signature];

        Assert.Equal(CoseError.SignatureLength, Assert.Throws<CoseException>(() => CoseSign1Message.Parse(message).IsTagged).Error);
    }

    static (BigInteger R, BigInteger S) Split(byte[] data) =>
        (new BigInteger(data.AsSpan(^96..^48), isUnsigned: true, isBigEndian: true), new BigInteger(data.AsSpan(^48..), isUnsigned: true, isBigEndian: true));

    static bool Verifies(byte[] data, ECDsa key, BigInteger r, BigInteger s)
    {
        var message = (byte[])data.Clone();
        message.AsSpan(^96..).Clear();
        Put(r, message.AsSpan(^96..^48));
        Put(s, message.AsSpan(^48..));
        return CoseSign1Message.Parse(message).Verify(key);
    }

    static void Put(BigInteger value, Span<byte> destination)
    {
        var bytes = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        bytes.CopyTo(destination[(destination.Length - bytes.Length)..]);
    }
}
