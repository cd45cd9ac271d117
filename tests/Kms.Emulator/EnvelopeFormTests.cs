using System.Security.Cryptography;
using NitroEnclaves.Tests;

namespace NitroEnclaves.Kms.Emulator.Tests;

/// <summary>The emulator's envelopes beside those of KMS.</summary>
public sealed class EnvelopeFormTests
{
    [Fact]
    public void The_emulators_envelope_differs_from_that_of_KMS_only_where_keys_and_chance_have_a_part()
    {
        var theirs = File.ReadAllBytes(TestVectors.Beside("kms", "v3_ciphertext_for_recipient.ber"));
        using var key = RSA.Create();
        key.ImportFromPem(File.ReadAllText(TestVectors.Beside("kms", "v3_private_key.pem")));
        var plaintext = RecipientEnvelope.Parse(theirs).Open(key);
        var ours = RecipientEnvelopeWriter.Write(plaintext, key.ExportSubjectPublicKeyInfo(), key);
        Assert.Equal(plaintext, RecipientEnvelope.Parse(ours).Open(key));
        Assert.Equal(Convert.ToHexString(Blank(theirs)), Convert.ToHexString(Blank(ours)));
    }

    [Theory]
    [InlineData(1, 461)]
    [InlineData(32, 493)]
    [InlineData(128, 590)]
    [InlineData(4096, 4559)]
    public void An_envelope_has_the_length_of_those_of_KMS(int length, int expected)
    {
        using var key = RSA.Create(2048);
        var plaintext = RandomNumberGenerator.GetBytes(length);
        var envelope = RecipientEnvelopeWriter.Write(plaintext, key.ExportSubjectPublicKeyInfo(), key);
        Assert.Equal(expected, envelope.Length);
        Assert.Equal(plaintext, RecipientEnvelope.Parse(envelope).Open(key));
    }

    static byte[] Blank(byte[] message)
    {
        var envelope = RecipientEnvelope.Parse(message);
        var blank = (byte[])message.Clone();
        foreach (var part in (ReadOnlyMemory<byte>[])[envelope.EncryptedKey, envelope.InitializationVector, envelope.EncryptedContent])
        {
            blank.AsSpan(message.AsSpan().IndexOf(part.Span), part.Length).Clear();
        }

        return blank;
    }
}
