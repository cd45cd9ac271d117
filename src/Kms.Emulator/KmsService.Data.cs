using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace NitroEnclaves.Kms.Emulator;

sealed partial class KmsService
{
    JsonObject Encrypt(KmsRequest request)
    {
        var key = FindKey(request.RequireText("KeyId"));
        var context = request.GetMap("EncryptionContext");
        Authorize(request, key, context);
        ExpectUsage(key, "ENCRYPT_DECRYPT");
        ExpectAlgorithm(request, key);
        var plaintext = request.RequireBytes("Plaintext", MaximumPlaintext);
        return new JsonObject
        {
            ["KeyId"] = Arn(key),
            ["CiphertextBlob"] = Convert.ToBase64String(key.Spec == KeyPairs.Symmetric ? CiphertextBlob.Seal(key, plaintext, context) : EncryptWithRsa(key, plaintext)),
            ["EncryptionAlgorithm"] = DefaultAlgorithm(key),
        };
    }

    JsonObject Decrypt(KmsRequest request)
    {
        using var recipient = VerifyRecipient(request);
        var blob = request.RequireBytes("CiphertextBlob", MaximumCiphertext);
        var context = request.GetMap("EncryptionContext");
        var named = request.GetText("KeyId") is { } id ? FindKey(id) : null;
        var key = named is { Spec: not KeyPairs.Symmetric } ? named : KeyOf(blob);
        if (named is not null && named != key)
        {
            throw new KmsErrorException("IncorrectKeyException", $"The ciphertext was not encrypted under {Arn(named)}.");
        }

        Authorize(request, key, context, recipient);
        ExpectUsage(key, "ENCRYPT_DECRYPT");
        ExpectAlgorithm(request, key);
        var plaintext = key.Spec == KeyPairs.Symmetric ? CiphertextBlob.Open(key, blob, context) : DecryptWithRsa(key, blob);
        var answer = new JsonObject { ["KeyId"] = Arn(key), ["EncryptionAlgorithm"] = DefaultAlgorithm(key) };
        return Answer(answer, "Plaintext", plaintext, recipient);
    }

    JsonObject GenerateDataKey(KmsRequest request)
    {
        using var recipient = VerifyRecipient(request);
        var (key, context) = SymmetricKey(request, recipient);
        var length = (request.GetText("KeySpec"), request.GetNumber("NumberOfBytes")) switch
        {
            ("AES_256", null) => 32,
            ("AES_128", null) => 16,
            (null, >= 1 and <= MaximumRandom and var number) => number,
            _ => throw KmsErrorException.Validation($"Exactly one of KeySpec (AES_256, AES_128) and NumberOfBytes (1 to {MaximumRandom}) is needed."),
        };
        var plaintext = RandomNumberGenerator.GetBytes(length);
        var answer = new JsonObject { ["KeyId"] = Arn(key), ["CiphertextBlob"] = Convert.ToBase64String(CiphertextBlob.Seal(key, plaintext, context)) };
        return Answer(answer, "Plaintext", plaintext, recipient);
    }

    JsonObject GenerateDataKeyPair(KmsRequest request)
    {
        using var recipient = VerifyRecipient(request);
        var (key, context) = SymmetricKey(request, recipient);
        var spec = request.RequireText("KeyPairSpec");
        var (privateKey, publicKey) = KeyPairs.Create(spec);
        var answer = new JsonObject
        {
            ["KeyId"] = Arn(key),
            ["KeyPairSpec"] = spec,
            ["PublicKey"] = Convert.ToBase64String(publicKey),
            ["PrivateKeyCiphertextBlob"] = Convert.ToBase64String(CiphertextBlob.Seal(key, privateKey, context)),
        };
        return Answer(answer, "PrivateKeyPlaintext", privateKey, recipient);
    }

    JsonObject GenerateRandom(KmsRequest request)
    {
        using var recipient = VerifyRecipient(request);
        var length = request.GetNumber("NumberOfBytes") is >= 1 and <= MaximumRandom and var number
            ? number
            : throw KmsErrorException.Validation($"NumberOfBytes is not a number from 1 to {MaximumRandom}.");
        return Answer([], "Plaintext", RandomNumberGenerator.GetBytes(length), recipient);
    }

    JsonObject DeriveSharedSecret(KmsRequest request)
    {
        using var recipient = VerifyRecipient(request);
        var key = FindKey(request.RequireText("KeyId"));
        Authorize(request, key, recipient: recipient);
        ExpectUsage(key, "KEY_AGREEMENT");
        if (request.RequireText("KeyAgreementAlgorithm") != "ECDH")
        {
            throw KmsErrorException.Validation("KeyAgreementAlgorithm is not ECDH.");
        }

        var secret = KeyPairs.Agree(key, request.RequireBytes("PublicKey", MaximumPublicKey));
        var answer = new JsonObject { ["KeyId"] = Arn(key), ["KeyAgreementAlgorithm"] = "ECDH", ["KeyOrigin"] = "AWS_KMS" };
        return Answer(answer, "SharedSecret", secret, recipient);
    }

    KmsKey KeyOf(byte[] blob) => CiphertextBlob.TryReadKeyId(blob, out var keyId)
        ? _keys.Find(keyId.Value) ?? throw KmsErrorException.InvalidCiphertext("The ciphertext's key does not exist here.")
        : throw KmsErrorException.InvalidCiphertext("The ciphertext is none of this emulator's.");

    static byte[] EncryptWithRsa(KmsKey key, byte[] plaintext)
    {
        using var rsa = RSA.Create();
        rsa.ImportPkcs8PrivateKey(key.Material, out _);
        try
        {
            return rsa.Encrypt(plaintext, RSAEncryptionPadding.OaepSHA256);
        }
        catch (CryptographicException)
        {
            throw KmsErrorException.Validation($"Plaintext is too long for a key of {key.Spec}.");
        }
    }

    static byte[] DecryptWithRsa(KmsKey key, byte[] ciphertext)
    {
        using var rsa = RSA.Create();
        rsa.ImportPkcs8PrivateKey(key.Material, out _);
        try
        {
            return rsa.Decrypt(ciphertext, RSAEncryptionPadding.OaepSHA256);
        }
        catch (CryptographicException)
        {
            throw KmsErrorException.InvalidCiphertext("The ciphertext is not encrypted under this key.");
        }
    }

    static void ExpectUsage(KmsKey key, string usage)
    {
        if (key.Usage != usage)
        {
            throw new KmsErrorException("InvalidKeyUsageException", $"{Arn(key)} is for {key.Usage}, not for {usage}.");
        }
    }

    (KmsKey Key, SortedDictionary<string, string> Context) SymmetricKey(KmsRequest request, AttestedRecipient? recipient)
    {
        var key = FindKey(request.RequireText("KeyId"));
        var context = request.GetMap("EncryptionContext");
        Authorize(request, key, context, recipient);
        return key.Spec == KeyPairs.Symmetric
            ? (key, context)
            : throw new KmsErrorException("InvalidKeyUsageException", $"{Arn(key)} is not symmetric: data keys need a symmetric key.");
    }

    static void ExpectAlgorithm(KmsRequest request, KmsKey key)
    {
        if (request.GetText("EncryptionAlgorithm") is { } algorithm && algorithm != DefaultAlgorithm(key))
        {
            throw new KmsErrorException("InvalidKeyUsageException", $"A key of {key.Spec} is used with {DefaultAlgorithm(key)} here, not with {algorithm}.");
        }
    }
}
