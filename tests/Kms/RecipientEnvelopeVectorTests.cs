using System.Security.Cryptography;
using System.Text.Json;
using NitroEnclaves.Tests;
using static NitroEnclaves.Kms.KmsRecipientFailure;

namespace NitroEnclaves.Kms.Tests;

/// <summary>Envelopes that others made: KMS itself, and OpenSSL in KMS's form and in forms beside it.</summary>
public sealed class RecipientEnvelopeVectorTests
{
    [Theory]
    [InlineData("definite.der")]
    [InlineData("indefinite.ber")]
    public void What_OpenSSL_made_in_the_form_of_KMS_is_opened(string file)
    {
        using var key = Key(TestVectors.Own("kms", "private_key.pem"));
        var plaintext = RecipientEnvelope.Parse(File.ReadAllBytes(TestVectors.Own("kms", file))).Open(key);
        Assert.Equal(File.ReadAllBytes(TestVectors.Own("kms", "plaintext.bin")), plaintext);
    }

    [Theory]
    [InlineData("oaep_sha1.ber", KeyEncryptionAlgorithm)]
    [InlineData("mgf1_sha1.der", KeyEncryptionAlgorithm)]
    [InlineData("label.der", KeyEncryptionAlgorithm)]
    [InlineData("pkcs1.der", KeyEncryptionAlgorithm)]
    [InlineData("aes128.der", ContentEncryptionAlgorithm)]
    [InlineData("gcm.der", ContentType)]
    [InlineData("issuer_and_serial.der", KmsRecipientFailure.Version)]
    [InlineData("two_recipients.der", Recipient)]
    public void What_OpenSSL_made_in_another_form_is_refused(string file, KmsRecipientFailure failure) =>
        Assert.Equal(failure, Assert.Throws<KmsRecipientException>(
            () => RecipientEnvelope.Parse(File.ReadAllBytes(TestVectors.Own("kms", file)))).Failure);

    [Theory]
    [InlineData("v1_indefinite_octets")]
    [InlineData("v2_context_specific")]
    [InlineData("v3_ciphertext_for_recipient")]
    public void Messages_of_KMS_have_the_fields_that_others_read_in_them(string name)
    {
        var expected = Expected(name);
        var envelope = RecipientEnvelope.Parse(Message(name));
        Assert.Equal(expected.GetProperty("subject_key_identifier_hex").GetString(), Convert.ToHexStringLower(envelope.KeyIdentifier.Span));
        Assert.Equal(expected.GetProperty("encrypted_key_hex").GetString(), Convert.ToHexStringLower(envelope.EncryptedKey.Span));
        Assert.Equal(expected.GetProperty("iv_hex").GetString(), Convert.ToHexStringLower(envelope.InitializationVector.Span));
        Assert.Equal(expected.GetProperty("ciphertext_hex").GetString(), Convert.ToHexStringLower(envelope.EncryptedContent.Span));

        // Nobody has the keys of the first two: for any other key they say so.
        using var other = RSA.Create(2048);
        Assert.Equal(KeyIdentifier, Assert.Throws<KmsRecipientException>(() => envelope.Open(other)).Failure);
    }

    [Fact]
    public void The_message_of_KMS_whose_key_is_known_is_opened()
    {
        const string name = "v3_ciphertext_for_recipient";
        using var key = Key(TestVectors.Beside("kms", "v3_private_key.pem"));
        var plaintext = RecipientEnvelope.Parse(Message(name)).Open(key);
        Assert.Equal(Expected(name).GetProperty("plaintext_hex").GetString(), Convert.ToHexStringLower(plaintext));
    }

    [Fact]
    public void The_message_of_KMS_from_the_time_of_SHA_1_is_refused() => Assert.Equal(
        KeyEncryptionAlgorithm, Assert.Throws<KmsRecipientException>(() => RecipientEnvelope.Parse(Message("v4_oaep_sha1_legacy"))).Failure);

    static RSA Key(string path)
    {
        var key = RSA.Create();
        key.ImportFromPem(File.ReadAllText(path));
        return key;
    }

    static byte[] Message(string name) => File.ReadAllBytes(TestVectors.Beside("kms", $"{name}.ber"));

    static JsonElement Expected(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(TestVectors.Beside("kms", "expected.json")));
        return document.RootElement.GetProperty(name).Clone();
    }
}
