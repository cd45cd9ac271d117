using System.Text.Json.Nodes;
using NitroEnclaves.Attestation;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>KMS's operations, on what a request says and the keys of a store.</summary>
sealed partial class KmsService(KmsEmulatorOptions options)
{
    internal const string Account = "000000000000";
    internal const string AccountRoot = $"arn:aws:iam::{Account}:root";

    const string ArnPrefix = $"arn:aws:kms:local-1:{Account}:key/";

    // KMS's limits: of a plaintext, a ciphertext, a public key.
    const int MaximumPlaintext = 4096;
    const int MaximumCiphertext = 6144;
    const int MaximumPublicKey = 8192;
    const int MaximumRandom = 1024;

    readonly KmsKeyStore _keys = new(options.KeyFile);
    readonly AttestationVerifier _verifier = new(new AttestationVerifierOptions { Roots = options.Roots, TimeProvider = options.TimeProvider });

    /// <summary>Carries out a request.</summary>
    /// <returns>The members of the answer.</returns>
    /// <exception cref="KmsErrorException">The request is refused.</exception>
    internal JsonObject Execute(KmsRequest request) => request.Operation switch
    {
        "CreateKey" => CreateKey(request),
        "DescribeKey" => DescribeKey(request),
        "ListKeys" => ListKeys(),
        "GetPublicKey" => GetPublicKey(request),
        "Encrypt" => Encrypt(request),
        "Decrypt" => Decrypt(request),
        "GenerateDataKey" => GenerateDataKey(request),
        "GenerateDataKeyPair" => GenerateDataKeyPair(request),
        "GenerateRandom" => GenerateRandom(request),
        "DeriveSharedSecret" => DeriveSharedSecret(request),
        _ => throw new KmsErrorException("UnknownOperationException", $"The emulator has no operation {request.Operation}."),
    };

    /// <summary>Creates a symmetric key with a policy.</summary>
    /// <returns>Its ARN.</returns>
    /// <exception cref="KmsErrorException">The policy is none that the emulator can judge.</exception>
    internal string CreateKey(string policy)
    {
        var key = KmsKey.Create(KeyPairs.Symmetric, "ENCRYPT_DECRYPT", "", policy, options.TimeProvider.GetUtcNow());
        Keep(key);
        return Arn(key);
    }

    void Keep(KmsKey key)
    {
        foreach (var warning in key.Policy.Warnings())
        {
            options.Log?.Invoke($"warning: the policy of {key.Id}: {warning}");
        }

        _keys.Add(key);
    }

    static string Arn(KmsKey key) => ArnPrefix + key.Id;

    KmsKey FindKey(string id)
    {
        var bare = id.StartsWith(ArnPrefix, StringComparison.Ordinal) ? id[ArnPrefix.Length..] : id;
        return (Guid.TryParseExact(bare, "D", out var guid) ? _keys.Find(guid) : null)
            ?? throw new KmsErrorException("NotFoundException", $"The emulator has no key {id}.");
    }

    AttestedRecipient? VerifyRecipient(KmsRequest request) => AttestedRecipient.Verify(request, _verifier, options.MaximumDocumentAge);

    void Authorize(KmsRequest request, KmsKey key, SortedDictionary<string, string>? context = null, AttestedRecipient? recipient = null)
    {
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase) { ["aws:PrincipalArn"] = request.Caller };
        foreach (var (name, value) in context ?? [])
        {
            values[$"kms:EncryptionContext:{name}"] = value;
        }

        recipient?.AddConditionValues(values);
        var decision = key.Policy.Decide(new KeyPolicyRequest($"kms:{request.Operation}", request.Caller, values));
        if (!decision.IsAllowed)
        {
            options.Log?.Invoke($"{request.Operation} of {request.Caller} for {recipient?.ModuleId ?? "no enclave"}: refused by the policy of {key.Id}: {decision.Explanation}");
            throw new KmsErrorException(
                "AccessDeniedException",
                $"User: {request.Caller} is not authorized to perform: kms:{request.Operation} on resource: {Arn(key)} " +
                (decision.IsExplicitDeny ? "with an explicit deny in a resource-based policy" : $"because no resource-based policy allows the kms:{request.Operation} action"));
        }
    }

    /// <summary>Puts a plaintext into an answer: encrypted for the recipient where there is one, and only then not in the clear.</summary>
    static JsonObject Answer(JsonObject answer, string member, byte[] plaintext, AttestedRecipient? recipient)
    {
        if (recipient is null)
        {
            answer[member] = Convert.ToBase64String(plaintext);
        }
        else
        {
            answer["CiphertextForRecipient"] = Convert.ToBase64String(recipient.Seal(plaintext));
        }

        return answer;
    }
}
