using System.Security.Cryptography;
using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Cose.Tests;

public sealed class CoseSign1Tests
{
    public static TheoryData<string, CoseAlgorithm, string> Curves { get; } = new()
    {
        { "nistP256", CoseAlgorithm.ES256, "8443a10126a0" },
        { "nistP384", CoseAlgorithm.ES384, "8444a1013822a0" },
        { "nistP521", CoseAlgorithm.ES512, "8444a1013823a0" },
    };

    [Theory]
    [MemberData(nameof(Curves))]
    public void A_message_is_signed_by_the_algorithm_of_the_keys_curve_and_verifies(string curve, CoseAlgorithm algorithm, string start)
    {
        using var key = ECDsa.Create(ECCurve.CreateFromFriendlyName(curve));
        foreach (var tagged in new[] { false, true })
        {
            var data = CoseSign1.Sign("payload"u8, key, tagged);
            Assert.StartsWith((tagged ? "d2" : "") + start, Convert.ToHexStringLower(data), StringComparison.Ordinal);
            Assert.Equal(data.Length, CoseSign1.GetLength(algorithm, 7, tagged));

            var message = CoseSign1Message.Parse(data);
            Assert.Equal(algorithm, message.Algorithm);
            Assert.Equal(tagged, message.IsTagged);
            Assert.True(message.IsUnprotectedHeaderEmpty);
            Assert.True(message.Payload.SequenceEqual("payload"u8));
            Assert.True(message.Verify(key));
            Assert.True(message.VerifyOnCurve(key));
        }
    }

    [Fact]
    public void Payloads_of_any_length_come_back_signed()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(40).WithEndSize(70_000).WithReplay(9052, 1),
            Prop.ForAll(Gen.Sized(size => Gen.Choose(0, size)).ToArbitrary(), length =>
            {
                var payload = new byte[length];
                new System.Random(length).NextBytes(payload);
                var data = CoseSign1.Sign(payload, key);
                var message = CoseSign1Message.Parse(data);
                return message.Payload.SequenceEqual(payload)
                    && message.Verify(key)
                    && data.Length == CoseSign1.GetLength(CoseAlgorithm.ES384, length);
            }));
    }

    [Fact]
    public void A_change_of_any_byte_is_noticed()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var data = CoseSign1.Sign("payload"u8, key);
        for (var index = 0; index < data.Length; index++)
        {
            data[index] ^= 0x10;
            var accepted = false;
            try
            {
                accepted = CoseSign1Message.Parse(data).Verify(key);
            }
            catch (CoseException)
            {
                // Refused earlier.
            }

            Assert.False(accepted, $"byte {index}");
            data[index] ^= 0x10;
        }

        Assert.True(CoseSign1Message.Parse(data).Verify(key));
    }

    [Fact]
    public void The_signed_bytes_are_those_received_not_those_that_would_be_written()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var data = CoseSign1.Sign("payload"u8, key);

        // The same message with the payload's length in two bytes instead of none: other bytes, the same content.
        var at = data.AsSpan().IndexOf("payload"u8) - 1;
        byte[] longer = [.. data.AsSpan(0, at), 0x58, 7, .. data.AsSpan(at + 1)];

        Assert.True(CoseSign1Message.Parse(longer).Verify(key));
    }

    [Fact]
    public void A_key_of_another_curve_does_not_verify_and_is_no_error()
    {
        using var signing = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var brainpool = ECDsa.Create(ECCurve.NamedCurves.brainpoolP384r1);
        var data = CoseSign1.Sign("payload"u8, signing);

        Assert.False(CoseSign1Message.Parse(data).Verify(other));
        Assert.False(CoseSign1Message.Parse(data).Verify(brainpool));
        Assert.Throws<ArgumentException>(() => CoseSign1.Sign([], brainpool));
    }

    [Fact]
    public void A_key_may_live_elsewhere()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        var data = CoseSign1.Sign("payload"u8, new RemoteSigner(key));

        Assert.True(CoseSign1Message.Parse(data).Verify(key));
    }

    [Fact]
    public void A_destination_that_is_too_short_is_misuse()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var signer = new ECDsaCoseSigner(key);
        var length = CoseSign1.GetLength(CoseAlgorithm.ES384, 3);

        Assert.Throws<ArgumentException>(() => CoseSign1.Sign([1, 2, 3], signer, new byte[length - 1]));
        Assert.Equal(length, CoseSign1.Sign([1, 2, 3], signer, new byte[length + 5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => CoseSign1.GetLength(CoseAlgorithm.ES384, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => CoseSign1.GetLength((CoseAlgorithm)5, 1));
    }

    /// <summary>Signs the hash in another encoding first, as a key management service does.</summary>
    sealed class RemoteSigner(ECDsa key) : ICoseSigner
    {
        public CoseAlgorithm Algorithm => CoseAlgorithm.ES512;

        public void SignHash(ReadOnlySpan<byte> hash, Span<byte> signature)
        {
            Assert.Equal(64, hash.Length);
            var der = key.SignHash(hash.ToArray(), DSASignatureFormat.Rfc3279DerSequence);
            var reader = new System.Formats.Asn1.AsnReader(der, System.Formats.Asn1.AsnEncodingRules.DER).ReadSequence();
            signature.Clear();
            var half = signature.Length / 2;
            var r = reader.ReadInteger().ToByteArray(isUnsigned: true, isBigEndian: true);
            var s = reader.ReadInteger().ToByteArray(isUnsigned: true, isBigEndian: true);
            r.CopyTo(signature[(half - r.Length)..]);
            s.CopyTo(signature[(2 * half - s.Length)..]);
        }
    }
}
