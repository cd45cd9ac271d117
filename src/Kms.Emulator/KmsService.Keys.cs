using System.Text.Json.Nodes;

namespace NitroEnclaves.Kms.Emulator;

sealed partial class KmsService
{
    JsonObject CreateKey(KmsRequest request)
    {
        var key = KmsKey.Create(
            request.GetText("KeySpec") ?? request.GetText("CustomerMasterKeySpec") ?? KeyPairs.Symmetric,
            request.GetText("KeyUsage") ?? "ENCRYPT_DECRYPT",
            request.GetText("Description") ?? "",
            request.GetText("Policy") ?? KeyPolicy.Default,
            options.TimeProvider.GetUtcNow());
        Keep(key);
        return new JsonObject { ["KeyMetadata"] = Metadata(key) };
    }

    JsonObject DescribeKey(KmsRequest request)
    {
        var key = FindKey(request.RequireText("KeyId"));
        Authorize(request, key);
        return new JsonObject { ["KeyMetadata"] = Metadata(key) };
    }

    JsonObject ListKeys()
    {
        var keys = new JsonArray();
        foreach (var key in _keys.All)
        {
            keys.Add((JsonNode)new JsonObject { ["KeyId"] = key.Id.ToString(), ["KeyArn"] = Arn(key) });
        }

        return new JsonObject { ["Keys"] = keys, ["Truncated"] = false };
    }

    JsonObject GetPublicKey(KmsRequest request)
    {
        var key = FindKey(request.RequireText("KeyId"));
        Authorize(request, key);
        if (key.Spec == KeyPairs.Symmetric)
        {
            throw KmsErrorException.Unsupported($"{Arn(key)} is symmetric and has no public key.");
        }

        return new JsonObject
        {
            ["KeyId"] = Arn(key),
            ["PublicKey"] = Convert.ToBase64String(KeyPairs.PublicKeyOf(key)),
            ["KeySpec"] = key.Spec,
            ["KeyUsage"] = key.Usage,
        };
    }

    static JsonObject Metadata(KmsKey key)
    {
        var metadata = new JsonObject
        {
            ["AWSAccountId"] = Account,
            ["KeyId"] = key.Id.ToString(),
            ["Arn"] = Arn(key),
            ["CreationDate"] = key.Created.ToUnixTimeMilliseconds() / 1000.0,
            ["Enabled"] = true,
            ["Description"] = key.Description,
            ["KeyUsage"] = key.Usage,
            ["KeyState"] = "Enabled",
            ["Origin"] = "AWS_KMS",
            ["KeyManager"] = "CUSTOMER",
            ["KeySpec"] = key.Spec,
            ["CustomerMasterKeySpec"] = key.Spec,
            ["MultiRegion"] = false,
        };
        if (key.Usage == "ENCRYPT_DECRYPT")
        {
            metadata["EncryptionAlgorithms"] = new JsonArray(DefaultAlgorithm(key));
        }

        return metadata;
    }

    static string DefaultAlgorithm(KmsKey key) => key.Spec == KeyPairs.Symmetric ? KeyPairs.Symmetric : "RSAES_OAEP_SHA_256";
}
