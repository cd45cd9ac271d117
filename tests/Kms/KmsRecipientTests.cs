using System.Security.Cryptography;
using System.Text.Json;
using Amazon.KeyManagementService.Model;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Kms.Tests;

/// <summary>The recipient and the SDK: what goes out, what is taken from what comes back, what is refused.</summary>
public sealed class KmsRecipientTests : IDisposable
{
    const string Sealed = "sealed";

    static readonly RSA s_key = RSA.Create(2048);

    readonly Documents _documents = new();
    readonly NsmClient _nsm;

    public KmsRecipientTests() => _nsm = new NsmClient(new NsmModule(new NsmModuleOptions { ModuleId = "i-0123456789abcdef0-enc0123456789abcdef", Signer = _documents }));

    public void Dispose()
    {
        _nsm.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_request_carries_a_document_with_the_public_key_and_the_answer_its_plaintext()
    {
        using var recipient = Recipient();
        var kms = new CannedKms(Answer("CiphertextForRecipient", Sealed));
        using var client = kms.Client();
        var response = await client.DecryptAsync(
            new DecryptRequest { CiphertextBlob = new MemoryStream([7]) }, recipient, TestContext.Current.CancellationToken);
        Assert.Equal([1, 2, 3], response.Plaintext.ToArray());

        var (target, body) = Assert.Single(kms.Requests);
        Assert.Equal("TrentService.Decrypt", target);
        using var request = JsonDocument.Parse(body);
        var sent = request.RootElement.GetProperty("Recipient");
        Assert.Equal("RSAES_OAEP_SHA_256", sent.GetProperty("KeyEncryptionAlgorithm").GetString());
        Assert.Equal(_documents.Document, sent.GetProperty("AttestationDocument").GetBytesFromBase64());
        Assert.Equal(recipient.PublicKey.ToArray(), Assert.Single(_documents.Signed).PublicKey);
    }

    [Fact]
    public async Task Each_request_has_a_document_of_its_own()
    {
        using var recipient = Recipient();
        using var client = new CannedKms(Answer("CiphertextForRecipient", Sealed)).Client();
        for (var count = 1; count <= 3; count++)
        {
            await client.GenerateRandomAsync(new GenerateRandomRequest { NumberOfBytes = 3 }, recipient, TestContext.Current.CancellationToken);
            Assert.Equal(count, _documents.Signed.Count);
        }
    }

    [Fact]
    public async Task An_answer_in_the_clear_is_refused()
    {
        using var recipient = Recipient();
        using var client = new CannedKms(Answer("Plaintext", Convert.ToBase64String([1, 2, 3]))).Client();
        Assert.Equal(KmsRecipientFailure.PlaintextInClear, await FailureAsync(client, recipient));
    }

    [Fact]
    public async Task An_answer_without_a_message_is_refused()
    {
        using var recipient = Recipient();
        using var client = new CannedKms("{}").Client();
        Assert.Equal(KmsRecipientFailure.NoCiphertext, await FailureAsync(client, recipient));
    }

    [Fact]
    public async Task Plain_HTTP_is_refused_before_anything_is_sent_unless_it_is_allowed_by_name()
    {
        var kms = new CannedKms(Answer("CiphertextForRecipient", Sealed));
        using var client = kms.Client("http://127.0.0.1:1");
        using (var strict = Recipient())
        {
            Assert.Equal(KmsRecipientFailure.InsecureTransport, await FailureAsync(client, strict));
            Assert.Empty(kms.Requests);
            Assert.Empty(_documents.Signed);
        }

        using var lenient = new KmsRecipient(_nsm, Copy(), new KmsRecipientOptions { AllowPlainHttp = true });
        await client.DecryptAsync(new DecryptRequest { CiphertextBlob = new MemoryStream([7]) }, lenient, TestContext.Current.CancellationToken);
        Assert.Single(kms.Requests);
    }

    [Fact]
    public async Task A_disposed_recipient_is_of_no_use()
    {
        var recipient = new KmsRecipient(_nsm);
        recipient.Dispose();
        Assert.Throws<ObjectDisposedException>(() => recipient.Open([]));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => recipient.AttestAsync(TestContext.Current.CancellationToken));
        Assert.Empty(_documents.Signed);
    }

    [Fact]
    public void Each_recipient_has_a_key_of_its_own()
    {
        using var one = new KmsRecipient(_nsm);
        using var other = new KmsRecipient(_nsm);
        Assert.False(one.PublicKey.Span.SequenceEqual(other.PublicKey.Span));
        Assert.Equal(294, one.PublicKey.Length);
    }

    [Theory]
    [InlineData(1024)]
    [InlineData(2056)]
    [InlineData(8192)]
    public void Keys_of_other_lengths_are_refused(int keySize) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new KmsRecipient(_nsm, new KmsRecipientOptions { KeySize = keySize }));

    static async Task<KmsRecipientFailure> FailureAsync(Amazon.KeyManagementService.IAmazonKeyManagementService client, KmsRecipient recipient)
    {
        var request = new DecryptRequest { CiphertextBlob = new MemoryStream([7]) };
        var exception = await Assert.ThrowsAsync<KmsRecipientException>(() => client.DecryptAsync(request, recipient, TestContext.Current.CancellationToken));
        return exception.Failure;
    }

    KmsRecipient Recipient() => new(_nsm, Copy(), new KmsRecipientOptions());

    static RSA Copy() => RSA.Create(s_key.ExportParameters(includePrivateParameters: true));

    static string Answer(string member, string value)
    {
        var content = value == Sealed ? Convert.ToBase64String(new EnvelopeForge { Key = s_key }.Build()) : value;
        return $$"""{"KeyId":"arn:aws:kms:eu-central-1:000000000000:key/k","{{member}}":"{{content}}"}""";
    }

    sealed class Documents : IDocumentSigner
    {
        public byte[] Document { get; } = [0xD2, 1, 2, 3];

        public List<AttestationDocumentContent> Signed { get; } = [];

        public byte[] Sign(AttestationDocumentContent content)
        {
            Signed.Add(content);
            return Document;
        }
    }
}
