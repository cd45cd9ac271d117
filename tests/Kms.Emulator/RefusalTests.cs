using System.Security.Cryptography;
using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using NitroEnclaves.Attestation;
using NitroEnclaves.Nsm;
using static NitroEnclaves.Kms.Emulator.Tests.EmulatedKms;

namespace NitroEnclaves.Kms.Emulator.Tests;

/// <summary>Who does not get an answer: other images, no enclaves, documents that prove nothing.</summary>
public sealed class RefusalTests
{
    const string Administrator = "arn:aws:iam::000000000000:root";

    static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_policy_that_nitro_prints_serves_its_image_and_nobody_else()
    {
        await using var kms = await StartAsync();
        var policy = KmsKeyPolicy.Create(AttestationPolicy.ForImage(Image(1)), RoleArn);
        policy = policy.Replace("\"Statement\": [", $$"""
            "Statement": [ {"Sid": "Encrypt", "Effect": "Allow", "Principal": {"AWS": "{{Administrator}}"}, "Action": "kms:Encrypt", "Resource": "*"},
            """, StringComparison.Ordinal);
        var (_, ciphertext) = await kms.EncryptAsync(policy, [1, 2, 3]);
        var request = new DecryptRequest { CiphertextBlob = new MemoryStream(ciphertext) };
        var enclave = kms.Client(RoleKeyId);

        Assert.Equal([1, 2, 3], (await enclave.DecryptAsync(request, kms.Recipient(Image(1)), Token)).Plaintext.ToArray());

        await DeniedAsync(() => enclave.DecryptAsync(request, kms.Recipient(Image(2)), Token));
        Assert.Contains($"kms:RecipientAttestation:ImageSha384 is {Value(2)}, the condition is StringEqualsIgnoreCase {Value(1)}", kms.Log, StringComparison.Ordinal);

        // In debug mode the registers are zero; the parent's own request has no document; another principal is another one.
        await DeniedAsync(() => enclave.DecryptAsync(request, kms.Recipient(null), Token));
        await DeniedAsync(() => enclave.DecryptAsync(request, Token));
        await DeniedAsync(() => kms.Client().DecryptAsync(request, kms.Recipient(Image(1)), Token));
    }

    [Fact]
    public async Task PCR0_alone_of_another_image_is_not_enough()
    {
        await using var kms = await StartAsync();
        var policy = KmsKeyPolicy.Create(AttestationPolicy.ForImage(Image(1)), Administrator);
        var key = kms.Emulator.CreateKey(policy);
        var request = new GenerateDataKeyRequest { KeyId = key, KeySpec = DataKeySpec.AES_256 };
        await kms.Client().GenerateDataKeyAsync(request, kms.Recipient(Image(1)), Token);
        await DeniedAsync(() => kms.Client().GenerateDataKeyAsync(request, kms.Recipient(new ImageMeasurements(Value(1), Value(9), Value(3))), Token));
    }

    [Fact]
    public async Task A_document_of_another_root_is_refused()
    {
        await using var kms = await StartAsync();
        using var stranger = AttestationAuthority.CreateEphemeral();
        using var issuer = stranger.CreateIssuer();
        await RefusedAsync(kms, kms.Recipient(Image(1), issuer), nameof(AttestationFailure.UntrustedRoot));
    }

    [Fact]
    public async Task An_old_document_is_refused()
    {
        await using var kms = await StartAsync(time: new Later(TimeSpan.FromMinutes(6)));
        await RefusedAsync(kms, kms.Recipient(Image(1)), nameof(AttestationFailure.TooOld));
    }

    [Fact]
    public async Task A_document_without_an_RSA_key_of_2048_bits_or_more_is_refused()
    {
        await using var kms = await StartAsync();
        using var small = RSA.Create(1024);
        using var curve = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var good = RSA.Create(2048);
        foreach (var publicKey in (byte[]?[])
            [null, [1, 2, 3], small.ExportSubjectPublicKeyInfo(), curve.ExportSubjectPublicKeyInfo(), good.ExportRSAPublicKey(), [.. good.ExportSubjectPublicKeyInfo(), 0]])
        {
            var document = kms.Enclave(Image(1)).GetAttestationDocument(publicKey: publicKey);
            var exception = await RefusedAsync(kms, document);
            Assert.Contains("public key", exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_is_no_document_is_refused()
    {
        await using var kms = await StartAsync();
        foreach (var document in (byte[][])[[0], new byte[262_144]])
        {
            await RefusedAsync(kms, document);
        }
    }

    [Fact]
    public async Task A_ciphertext_that_was_changed_or_is_of_another_key_is_refused()
    {
        await using var kms = await StartAsync();
        var (_, ciphertext) = await kms.EncryptAsync(KeyPolicy.Default, [1, 2, 3]);
        var (other, _) = await kms.EncryptAsync(KeyPolicy.Default, [1]);
        for (var index = 0; index < ciphertext.Length; index++)
        {
            var changed = (byte[])ciphertext.Clone();
            changed[index] ^= 1;
            await Assert.ThrowsAsync<InvalidCiphertextException>(
                () => kms.Client().DecryptAsync(new DecryptRequest { CiphertextBlob = new MemoryStream(changed) }, Token));
        }

        await Assert.ThrowsAsync<InvalidCiphertextException>(
            () => kms.Client().DecryptAsync(new DecryptRequest { CiphertextBlob = new MemoryStream(ciphertext[..20]) }, Token));
        await Assert.ThrowsAsync<IncorrectKeyException>(
            () => kms.Client().DecryptAsync(new DecryptRequest { CiphertextBlob = new MemoryStream(ciphertext), KeyId = other }, Token));
    }

    static async Task DeniedAsync(Func<Task> request)
    {
        var exception = await Assert.ThrowsAnyAsync<AmazonKeyManagementServiceException>(request);
        Assert.Equal("AccessDeniedException", exception.ErrorCode);
    }

    static async Task RefusedAsync(EmulatedKms kms, KmsRecipient recipient, string failure)
    {
        var exception = await Assert.ThrowsAnyAsync<AmazonKeyManagementServiceException>(
            () => kms.Client().GenerateRandomAsync(new GenerateRandomRequest { NumberOfBytes = 1 }, recipient, Token));
        Assert.Equal("ValidationException", exception.ErrorCode);
        Assert.Contains(failure, exception.Message, StringComparison.Ordinal);
    }

    static async Task<AmazonKeyManagementServiceException> RefusedAsync(EmulatedKms kms, byte[] document)
    {
        var request = new GenerateRandomRequest
        {
            NumberOfBytes = 1,
            Recipient = new RecipientInfo { AttestationDocument = new MemoryStream(document), KeyEncryptionAlgorithm = KeyEncryptionMechanism.RSAES_OAEP_SHA_256 },
        };
        var exception = await Assert.ThrowsAnyAsync<AmazonKeyManagementServiceException>(() => kms.Client().GenerateRandomAsync(request, Token));
        Assert.Equal("ValidationException", exception.ErrorCode);
        return exception;
    }

    sealed class Later(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + by;
    }
}
