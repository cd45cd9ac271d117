using System.Security.Cryptography;
using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using static NitroEnclaves.Kms.Emulator.Tests.EmulatedKms;

namespace NitroEnclaves.Kms.Emulator.Tests;

/// <summary>Each operation with the unmodified SDK, in the clear and for an enclave.</summary>
public sealed class OperationTests
{
    static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Decrypt_gives_the_plaintext_to_an_enclave_and_with_another_context_to_nobody()
    {
        await using var kms = await StartAsync();
        var client = kms.Client();
        var key = (await client.CreateKeyAsync(new CreateKeyRequest(), Token)).KeyMetadata.KeyId;
        var context = new Dictionary<string, string> { ["purpose"] = "test", ["version"] = "1" };
        var encrypted = await client.EncryptAsync(
            new EncryptRequest { KeyId = key, Plaintext = new MemoryStream([1, 2, 3]), EncryptionContext = context }, Token);
        var request = new DecryptRequest { CiphertextBlob = encrypted.CiphertextBlob, EncryptionContext = context };

        Assert.Equal([1, 2, 3], (await client.DecryptAsync(request, Token)).Plaintext.ToArray());
        var response = await client.DecryptAsync(request, kms.Recipient(Image(1)), Token);
        Assert.Equal([1, 2, 3], response.Plaintext.ToArray());
        Assert.Equal(encrypted.KeyId, response.KeyId);

        request.EncryptionContext = new Dictionary<string, string> { ["purpose"] = "test", ["version"] = "2" };
        await Assert.ThrowsAsync<InvalidCiphertextException>(() => client.DecryptAsync(request, kms.Recipient(Image(1)), Token));
    }

    [Fact]
    public async Task GenerateDataKey_gives_a_key_that_Decrypt_gives_again()
    {
        await using var kms = await StartAsync();
        var client = kms.Client();
        var recipient = kms.Recipient(Image(1));
        var key = (await client.CreateKeyAsync(new CreateKeyRequest(), Token)).KeyMetadata.KeyId;
        foreach (var (request, length) in new[]
        {
            (new GenerateDataKeyRequest { KeyId = key, KeySpec = DataKeySpec.AES_256 }, 32),
            (new GenerateDataKeyRequest { KeyId = key, KeySpec = DataKeySpec.AES_128 }, 16),
            (new GenerateDataKeyRequest { KeyId = key, NumberOfBytes = 1024 }, 1024),
        })
        {
            var made = await client.GenerateDataKeyAsync(request, recipient, Token);
            Assert.Equal(length, made.Plaintext.Length);
            var again = await client.DecryptAsync(new DecryptRequest { CiphertextBlob = made.CiphertextBlob, KeyId = key }, recipient, Token);
            Assert.Equal(made.Plaintext.ToArray(), again.Plaintext.ToArray());
        }
    }

    [Theory]
    [InlineData("RSA_2048")]
    [InlineData("ECC_NIST_P384")]
    public async Task GenerateDataKeyPair_gives_a_pair_whose_halves_belong_together(string spec)
    {
        await using var kms = await StartAsync();
        var client = kms.Client();
        var recipient = kms.Recipient(Image(1));
        var key = (await client.CreateKeyAsync(new CreateKeyRequest(), Token)).KeyMetadata.KeyId;
        var made = await client.GenerateDataKeyPairAsync(new GenerateDataKeyPairRequest { KeyId = key, KeyPairSpec = spec }, recipient, Token);
        using AsymmetricAlgorithm pair = spec.StartsWith("RSA", StringComparison.Ordinal) ? RSA.Create() : ECDsa.Create();
        pair.ImportPkcs8PrivateKey(made.PrivateKeyPlaintext.ToArray(), out _);
        Assert.Equal(pair.ExportSubjectPublicKeyInfo(), made.PublicKey.ToArray());
        var again = await client.DecryptAsync(new DecryptRequest { CiphertextBlob = made.PrivateKeyCiphertextBlob }, recipient, Token);
        Assert.Equal(made.PrivateKeyPlaintext.ToArray(), again.Plaintext.ToArray());
    }

    [Fact]
    public async Task GenerateRandom_gives_as_many_bytes_as_were_asked_for()
    {
        await using var kms = await StartAsync();
        var client = kms.Client();
        var recipient = kms.Recipient(Image(1));
        foreach (var length in (int[])[1, 16, 1024])
        {
            var response = await client.GenerateRandomAsync(new GenerateRandomRequest { NumberOfBytes = length }, recipient, Token);
            Assert.Equal(length, response.Plaintext.Length);
        }
    }

    [Theory]
    [InlineData("ECC_NIST_P256")]
    [InlineData("ECC_NIST_P384")]
    [InlineData("ECC_NIST_P521")]
    public async Task DeriveSharedSecret_gives_what_the_peer_computes(string spec)
    {
        await using var kms = await StartAsync();
        var client = kms.Client();
        var key = (await client.CreateKeyAsync(new CreateKeyRequest { KeySpec = spec, KeyUsage = KeyUsageType.KEY_AGREEMENT }, Token)).KeyMetadata.KeyId;
        using var kmsSide = ECDiffieHellman.Create();
        kmsSide.ImportSubjectPublicKeyInfo((await client.GetPublicKeyAsync(new GetPublicKeyRequest { KeyId = key }, Token)).PublicKey.ToArray(), out _);
        using var peer = ECDiffieHellman.Create(kmsSide.ExportParameters(false).Curve);
        var request = new DeriveSharedSecretRequest
        {
            KeyId = key,
            KeyAgreementAlgorithm = KeyAgreementAlgorithmSpec.ECDH,
            PublicKey = new MemoryStream(peer.ExportSubjectPublicKeyInfo()),
        };
        var response = await client.DeriveSharedSecretAsync(request, kms.Recipient(Image(1)), Token);
        Assert.Equal(peer.DeriveRawSecretAgreement(kmsSide.PublicKey), response.SharedSecret.ToArray());

        using var other = ECDiffieHellman.Create(spec == "ECC_NIST_P256" ? ECCurve.NamedCurves.nistP384 : ECCurve.NamedCurves.nistP256);
        request.PublicKey = new MemoryStream(other.ExportSubjectPublicKeyInfo());
        Assert.Equal("ValidationException", (await Assert.ThrowsAnyAsync<AmazonKeyManagementServiceException>(() => client.DeriveSharedSecretAsync(request, Token))).ErrorCode);
    }

    [Fact]
    public async Task A_key_of_RSA_decrypts_what_a_holder_of_its_public_key_encrypted()
    {
        await using var kms = await StartAsync();
        var client = kms.Client();
        var key = (await client.CreateKeyAsync(new CreateKeyRequest { KeySpec = KeySpec.RSA_2048 }, Token)).KeyMetadata;
        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo((await client.GetPublicKeyAsync(new GetPublicKeyRequest { KeyId = key.Arn }, Token)).PublicKey.ToArray(), out _);
        var request = new DecryptRequest
        {
            KeyId = key.Arn,
            CiphertextBlob = new MemoryStream(rsa.Encrypt([7, 8, 9], RSAEncryptionPadding.OaepSHA256)),
            EncryptionAlgorithm = EncryptionAlgorithmSpec.RSAES_OAEP_SHA_256,
        };
        Assert.Equal([7, 8, 9], (await client.DecryptAsync(request, kms.Recipient(Image(1)), Token)).Plaintext.ToArray());
    }

    [Fact]
    public async Task Keys_are_described_and_listed()
    {
        await using var kms = await StartAsync();
        var client = kms.Client();
        var made = (await client.CreateKeyAsync(new CreateKeyRequest { Description = "a key" }, Token)).KeyMetadata;
        var read = (await client.DescribeKeyAsync(new DescribeKeyRequest { KeyId = made.Arn }, Token)).KeyMetadata;
        Assert.Equal((made.KeyId, "a key", KeyState.Enabled, KeySpec.SYMMETRIC_DEFAULT), (read.KeyId, read.Description, read.KeyState, read.KeySpec));
        Assert.Equal(made.CreationDate, read.CreationDate);
        Assert.Equal([made.Arn], (await client.ListKeysAsync(new ListKeysRequest(), Token)).Keys.Select(key => key.KeyArn));
        await Assert.ThrowsAsync<NotFoundException>(() => client.DescribeKeyAsync(new DescribeKeyRequest { KeyId = Guid.NewGuid().ToString() }, Token));
    }
}
