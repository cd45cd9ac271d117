using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Text;
using NitroEnclaves.Kms;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>
/// Answers of KMS (CMS): read, and opened with the key of the seeds. What is accepted, .NET's own CMS decoder reads as a message with the
/// same one recipient and the same algorithm.
/// </summary>
sealed class EnvelopeFuzzTarget : IFuzzTarget
{
    const string Aes256Cbc = "2.16.840.1.101.3.4.1.42";

    readonly RSA _key = RSA.Create();

    public EnvelopeFuzzTarget()
    {
        _key.ImportFromPem(Encoding.ASCII.GetString(Corpus.Files("kms", ".pem")[0]));
        Seeds = [.. Corpus.Files("kms", ".der"), .. Corpus.Files("kms", ".ber")];
        if (!Seeds.Any(seed => Opens(seed)))
        {
            throw new InvalidOperationException("No envelope of the corpus opens: nothing that follows would be reached.");
        }
    }

    public string Name => "envelope";

    public IEnumerable<byte[]> Seeds { get; }

    public void Run(ReadOnlySpan<byte> input) => Opens(input);

    bool Opens(ReadOnlySpan<byte> input)
    {
        RecipientEnvelope envelope;
        try
        {
            envelope = RecipientEnvelope.Parse(input);
        }
        catch (KmsRecipientException)
        {
            return false;
        }

        var cms = new EnvelopedCms();
        cms.Decode(input);
        if (cms.RecipientInfos.Count != 1
            || !cms.RecipientInfos[0].EncryptedKey.AsSpan().SequenceEqual(envelope.EncryptedKey.Span)
            || cms.ContentEncryptionAlgorithm.Oid.Value != Aes256Cbc)
        {
            throw new InvalidOperationException("An envelope was read otherwise than .NET's decoder reads it.");
        }

        try
        {
            envelope.Open(_key);
            return true;
        }
        catch (KmsRecipientException)
        {
            return false;
        }
    }
}
