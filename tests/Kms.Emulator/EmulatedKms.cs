using System.Collections.Concurrent;
using System.Text;
using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using Amazon.Runtime;
using NitroEnclaves.Attestation;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Kms.Emulator.Tests;

/// <summary>An emulator on loopback, the unmodified SDK, and an enclave that exists as far as its NSM.</summary>
sealed class EmulatedKms : IAsyncDisposable
{
    public const string ModuleId = "i-0123456789abcdef0-enc0123456789abcdef";
    public const string RoleArn = "arn:aws:iam::123456789012:role/enclave";
    public const string RoleKeyId = "AKIAENCLAVE";

    readonly AttestationDocumentIssuer _issuer;
    readonly List<IDisposable> _owned = [];
    readonly ConcurrentQueue<string> _log = new();

    EmulatedKms(AttestationAuthority authority)
    {
        Authority = authority;
        _issuer = authority.CreateIssuer();
    }

    public AttestationAuthority Authority { get; }

    public KmsEmulator Emulator { get; private set; } = null!;

    /// <summary>What the emulator said of its requests.</summary>
    public string Log => string.Join('\n', _log);

    /// <summary>Starts an emulator that trusts an authority of its own.</summary>
    public static async Task<EmulatedKms> StartAsync(string? keyFile = null, TimeProvider? time = null)
    {
        var kms = new EmulatedKms(AttestationAuthority.CreateEphemeral());
        kms.Emulator = await KmsEmulator.StartAsync(
            new KmsEmulatorOptions
            {
                Roots = [kms.Authority.Root],
                Callers = new Dictionary<string, string> { [RoleKeyId] = RoleArn },
                KeyFile = keyFile,
                TimeProvider = time ?? TimeProvider.System,
                Log = kms._log.Enqueue,
            },
            TestContext.Current.CancellationToken);
        return kms;
    }

    /// <summary>The SDK's client, as whoever signs with an access key.</summary>
    public AmazonKeyManagementServiceClient Client(string accessKeyId = "AKIADEVELOPER")
    {
        var config = new AmazonKeyManagementServiceConfig { ServiceURL = Emulator.Address!.ToString(), MaxErrorRetry = 0 };
        return Own(new AmazonKeyManagementServiceClient(new BasicAWSCredentials(accessKeyId, "secret"), config));
    }

    /// <summary>The NSM of an enclave whose registers 0, 1 and 2 are those of an image; zero for one in debug mode.</summary>
    public NsmClient Enclave(ImageMeasurements? image, IDocumentSigner? signer = null)
    {
        var pcrs = new Dictionary<int, PcrValue> { [4] = PcrValue.OfInstance(ModuleId[..ModuleId.IndexOf('-', 2)]) };
        if (image is { } measured)
        {
            (pcrs[0], pcrs[1], pcrs[2]) = (measured.Pcr0, measured.Pcr1, measured.Pcr2);
        }

        return Own(new NsmClient(new NsmModule(new NsmModuleOptions { ModuleId = ModuleId, Signer = signer ?? _issuer, Pcrs = pcrs })));
    }

    /// <summary>A recipient in such an enclave.</summary>
    public KmsRecipient Recipient(ImageMeasurements? image, IDocumentSigner? signer = null) =>
        Own(new KmsRecipient(Enclave(image, signer), new KmsRecipientOptions { AllowPlainHttp = true }));

    /// <summary>Encrypts something under a new key with a policy, as its administrator.</summary>
    public async Task<(string KeyId, byte[] Ciphertext)> EncryptAsync(string policy, byte[] plaintext)
    {
        var administrator = Client();
        var key = await administrator.CreateKeyAsync(new CreateKeyRequest { Policy = policy }, TestContext.Current.CancellationToken);
        var request = new EncryptRequest { KeyId = key.KeyMetadata.Arn, Plaintext = new MemoryStream(plaintext) };
        var encrypted = await administrator.EncryptAsync(request, TestContext.Current.CancellationToken);
        return (key.KeyMetadata.Arn, encrypted.CiphertextBlob.ToArray());
    }

    /// <summary>An image that is nobody's.</summary>
    public static ImageMeasurements Image(byte fill) => new(Value(fill), Value((byte)(fill + 1)), Value((byte)(fill + 2)));

    public static PcrValue Value(byte fill) => new([.. Enumerable.Repeat(fill, PcrValue.Length)]);

    /// <summary>Sends bytes as they are, signed by nobody who is checked.</summary>
    public async Task<(int Status, string Body)> PostAsync(string? target, string body, string? authorization = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/local-1/kms/aws4_request")
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, Emulator.Address) { Content = new StringContent(body, Encoding.UTF8, "application/x-amz-json-1.1") };
        if (target is not null)
        {
            request.Headers.Add("X-Amz-Target", target);
        }

        if (authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        _owned.ForEach(owned => owned.Dispose());
        await Emulator.DisposeAsync();
        _issuer.Dispose();
        Authority.Dispose();
    }

    T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}
