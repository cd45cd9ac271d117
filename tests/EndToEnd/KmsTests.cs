using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using Amazon.Runtime;
using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;
using NitroEnclaves.Kms.Emulator;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// The promise of KMS for enclaves, end to end: the unmodified AWS SDK in a guest, over vsock, gets a secret from the emulated KMS if the
/// guest runs the image that the key's policy names, and no other.
/// </summary>
/// <param name="sample">Prepares the checkout; its own image is not used.</param>
public sealed class KmsTests(SampleImage sample)
{
    const uint Port = 5000;
    const uint KmsPort = 8000;
    const string RoleArn = "arn:aws:iam::123456789012:role/enclave";
    const string RoleKeyId = "AKIAENCLAVE";
    const string Administrator = "arn:aws:iam::000000000000:root";

    readonly byte[] _secret = RandomNumberGenerator.GetBytes(32);
    readonly ConcurrentQueue<string> _log = new();

    static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 600_000)]
    public async Task A_secret_is_decrypted_for_its_image_and_refused_when_one_byte_of_the_program_changes()
    {
        Assert.NotNull(sample.Image);
        await KmsSecretSample.PublishAsync();
        var image = KmsSecretSample.Build();
        var changed = KmsSecretSample.BuildChanged();
        Assert.NotEqual(image.Measurements.Pcr0, changed.Measurements.Pcr0);

        await using var host = new EnclaveHost();
        await using (var kms = await KmsEmulator.StartAsync(
            new KmsEmulatorOptions
            {
                Roots = [host.Authority.Root],
                VsockPort = KmsPort,
                Vsock = host.VsockOptions,
                Callers = new Dictionary<string, string> { [RoleKeyId] = RoleArn },
                Log = _log.Enqueue,
            },
            Token))
        {
            var ciphertext = await EncryptAsync(kms, KmsKeyPolicy.Create(AttestationPolicy.ForImage(Expected(image.Measurements)), RoleArn, Administrator));

            var challenge = RandomNumberGenerator.GetBytes(32);
            var answer = await AskAsync(host, image, ciphertext, challenge);
            Assert.True(answer.TryGetProperty("answer", out var hmac), $"{answer}\n{string.Join('\n', _log)}");
            Assert.Equal(HMACSHA256.HashData(_secret, challenge), hmac.GetBytesFromBase64());

            var refused = await AskAsync(host, changed, ciphertext, challenge);
            Assert.False(refused.TryGetProperty("answer", out _));
            Assert.StartsWith("AccessDeniedException: ", refused.GetProperty("error").GetString(), StringComparison.Ordinal);
            Assert.Contains(
                $"ImageSha384 is {changed.Measurements.Pcr0}, the condition is StringEqualsIgnoreCase {image.Measurements.Pcr0}",
                string.Join('\n', _log),
                StringComparison.Ordinal);
        }

        await host.AssertNothingLeftAsync();
    }

    async Task<byte[]> EncryptAsync(KmsEmulator kms, string policy)
    {
        var configuration = new AmazonKeyManagementServiceConfig { ServiceURL = kms.Address!.ToString() };
        using var client = new AmazonKeyManagementServiceClient(new BasicAWSCredentials("AKIAADMINISTRATOR", "secret"), configuration);
        var key = await client.CreateKeyAsync(new CreateKeyRequest { Policy = policy }, Token);
        var request = new EncryptRequest { KeyId = key.KeyMetadata.KeyId, Plaintext = new MemoryStream(_secret) };
        return (await client.EncryptAsync(request, Token)).CiphertextBlob.ToArray();
    }

    static async Task<JsonElement> AskAsync(EnclaveHost host, GuestImage image, byte[] ciphertext, byte[] challenge)
    {
        await using var enclave = await host.StartAsync(host.Options(image.Path) with { MemoryMiB = 512 });
        await using var connection = await host.ConnectAsync(enclave.Info, Port);
        var request = JsonSerializer.Serialize(new { ciphertext, challenge, accessKeyId = RoleKeyId, secretAccessKey = "none" });
        await connection.Stream.WriteAsync(Encoding.UTF8.GetBytes($"{request}\n"), Token);
        using var reader = new StreamReader(connection.Stream);
        var line = await reader.ReadLineAsync(Token);
        await enclave.Client.TerminateAsync(Token);
        using var answer = JsonDocument.Parse(line!);
        return answer.RootElement.Clone();
    }

    static ImageMeasurements Expected(EifMeasurements built) => new(built.Pcr0, built.Pcr1, built.Pcr2);
}
