using System.Security.Cryptography;
using FsCheck;
using FsCheck.Fluent;
using static NitroEnclaves.Kms.KmsRecipientFailure;

namespace NitroEnclaves.Kms.Tests;

/// <summary>Which messages are envelopes of KMS, and by what name others are refused.</summary>
public sealed class RecipientEnvelopeTests
{
    static readonly RSA s_key = RSA.Create(2048);

    readonly EnvelopeForge _forge = new() { Key = s_key };

    public static TheoryData<string, KmsRecipientFailure> Refused => new()
    {
        { "content type", ContentType },
        { "data type", ContentType },
        { "version 0", KmsRecipientFailure.Version },
        { "version 3", KmsRecipientFailure.Version },
        { "recipient version 0", KmsRecipientFailure.Version },
        { "version too large for an integer", KmsRecipientFailure.Version },
        { "key identifier of 20 bytes", Recipient },
        { "second recipient", Recipient },
        { "no parameters", KeyEncryptionAlgorithm },
        { "empty parameters", KeyEncryptionAlgorithm },
        { "parameters without mask", KeyEncryptionAlgorithm },
        { "hash of SHA-384", KeyEncryptionAlgorithm },
        { "label", KeyEncryptionAlgorithm },
        { "something after the recipient's key", Malformed },
        { "vector of 12 bytes", ContentEncryptionAlgorithm },
        { "content of 15 bytes", Content },
        { "no content", Content },
        { "attributes", Malformed },
        { "originator information", Malformed },
        { "trailing byte", TrailingData },
        { "trailing end of contents", TrailingData },
        { "missing end of contents", Malformed },
        { "empty", Length },
        { "6145 bytes", Length },
        { "deeply nested", Malformed },
        { "pieces within pieces", Malformed },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_message_of_another_form_is_refused_by_its_reason(string what, KmsRecipientFailure failure)
    {
        var message = Message(what);
        Assert.Equal(failure, Assert.Throws<KmsRecipientException>(() => RecipientEnvelope.Parse(message)).Failure);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(1, false)]
    [InlineData(3, false)]
    public void Every_form_that_KMS_ever_wrote_is_opened(int pieces, bool definite)
    {
        var plaintext = RandomNumberGenerator.GetBytes(100);
        var message = (_forge with { Pieces = pieces, Definite = definite, Plaintext = plaintext }).Build();
        Assert.Equal(plaintext, RecipientEnvelope.Parse(message).Open(s_key));
    }

    [Theory]
    [InlineData(2048)]
    [InlineData(3072)]
    [InlineData(4096)]
    public void The_longest_plaintext_and_every_key_length_fit(int keySize)
    {
        using var key = RSA.Create(keySize);
        var plaintext = RandomNumberGenerator.GetBytes(4096);
        var message = (_forge with { Key = key, Plaintext = plaintext }).Build();
        Assert.Equal(plaintext, RecipientEnvelope.Parse(message).Open(key));
    }

    [Fact]
    public void The_empty_plaintext_is_one() => Assert.Empty(RecipientEnvelope.Parse((_forge with { Plaintext = [] }).Build()).Open(s_key));

    [Fact]
    public void A_message_for_another_key_is_named_as_such()
    {
        using var other = RSA.Create(2048);
        var envelope = RecipientEnvelope.Parse(_forge.Build());
        Assert.Equal(KeyIdentifier, Assert.Throws<KmsRecipientException>(() => envelope.Open(other)).Failure);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(24)]
    public void A_shorter_content_key_is_not_one_of_AES_256(int length)
    {
        var envelope = RecipientEnvelope.Parse((_forge with { ContentKeyLength = length }).Build());
        Assert.Equal(Decryption, Assert.Throws<KmsRecipientException>(() => envelope.Open(s_key)).Failure);
    }

    [Fact]
    public void An_encrypted_key_of_another_length_is_refused()
    {
        var envelope = RecipientEnvelope.Parse((_forge with { EncryptedKeyTail = [0] }).Build());
        Assert.Equal(EncryptedKeyLength, Assert.Throws<KmsRecipientException>(() => envelope.Open(s_key)).Failure);
    }

    [Fact]
    public void A_changed_key_or_padding_does_not_decrypt()
    {
        var message = (_forge with { Pieces = 0, Definite = true }).Build();
        var envelope = RecipientEnvelope.Parse(message);
        foreach (var part in (ReadOnlyMemory<byte>[])[envelope.EncryptedKey, envelope.InitializationVector])
        {
            // The content is one block: a bit of the vector's last byte is a bit of the padding's length.
            var changed = (byte[])message.Clone();
            changed[message.AsSpan().IndexOf(part.Span) + part.Length - 1] ^= 0x10;
            Assert.Equal(Decryption, Assert.Throws<KmsRecipientException>(() => RecipientEnvelope.Parse(changed).Open(s_key)).Failure);
        }
    }

    [Fact]
    public void Whatever_is_changed_the_message_is_opened_or_refused_by_a_reason()
    {
        var message = _forge.Build();
        var edits = Gen.Choose(0, message.Length - 1).Zip(Gen.Choose(0, 255)).ArrayOf(3).ToArbitrary();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000).WithReplay(3, 5), Prop.ForAll(edits, edits =>
        {
            var changed = (byte[])message.Clone();
            foreach (var (index, value) in edits)
            {
                changed[index] = (byte)value;
            }

            try
            {
                RecipientEnvelope.Parse(changed).Open(s_key);
            }
            catch (KmsRecipientException)
            {
            }
        }));
    }

    byte[] Message(string what)
    {
        var message = _forge.Build();
        return what switch
        {
            "content type" => (_forge with { ContentType = _forge.DataType }).Build(),
            "data type" => (_forge with { DataType = _forge.ContentType }).Build(),
            "version 0" => (_forge with { Version = [2, 1, 0] }).Build(),
            "version 3" => (_forge with { Version = [2, 1, 3] }).Build(),
            "recipient version 0" => (_forge with { RecipientVersion = [2, 1, 0] }).Build(),
            "version too large for an integer" => (_forge with { Version = [2, 5, 2, 0, 0, 0, 2] }).Build(),
            "key identifier of 20 bytes" => (_forge with { KeyIdentifier = new byte[20] }).Build(),
            "second recipient" => (_forge with { AfterRecipients = [0x30, 0] }).Build(),
            "no parameters" => (_forge with { OaepParameters = [] }).Build(),
            "empty parameters" => (_forge with { OaepParameters = [0x30, 0] }).Build(),
            "parameters without mask" => (_forge with { OaepParameters = Convert.FromHexString("3011a00f300d06096086480165030402010500") }).Build(),
            "hash of SHA-384" => (_forge with { OaepParameters = Convert.FromHexString("3011a00f300d06096086480165030402020500") }).Build(),
            "label" => (_forge with { OaepParameters = EnvelopeForge.Wrap(0x30, _forge.OaepParameters[2..], [0xA2, 2, 4, 0]) }).Build(),
            "something after the recipient's key" => (_forge with { AfterRecipient = [5, 0] }).Build(),
            "vector of 12 bytes" => (_forge with { IvLength = 12 }).Build(),
            "content of 15 bytes" => (_forge with { ChangeContent = content => content[..15] }).Build(),
            "no content" => (_forge with { ChangeContent = _ => [] }).Build(),
            "attributes" => (_forge with { Attributes = [0xA1, 0] }).Build(),
            "originator information" => (_forge with { Version = [2, 1, 2, 0xA0, 0] }).Build(),
            "trailing byte" => [.. message, 0x2A],
            "trailing end of contents" => [.. message, 0, 0],
            "missing end of contents" => message[..^2],
            "empty" => [],
            "6145 bytes" => new byte[6145],
            "deeply nested" => [.. Enumerable.Range(0, 6144).Select(index => (byte)(index % 2 == 0 ? 0x30 : 0x80))],
            "pieces within pieces" => Pieces(2800),
            _ => throw new ArgumentOutOfRangeException(nameof(what)),
        };
    }

    // An OCTET STRING that is made of OCTET STRINGs, over and over, and never ends. Its place is before the last 13 bytes: the content of
    // three bytes and five ends.
    byte[] Pieces(int depth)
    {
        var message = (_forge with { ChangeContent = _ => [1] }).Build();
        return [.. message[..^13], .. Enumerable.Repeat<byte[]>([0x24, 0x80], depth).SelectMany(piece => piece)];
    }
}
