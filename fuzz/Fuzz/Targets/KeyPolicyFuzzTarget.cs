using System.Text;
using NitroEnclaves.Attestation;
using NitroEnclaves.Kms.Emulator;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>
/// Key policies for the emulated KMS. What is accepted judges requests without failing; a request is never both allowed and denied, and
/// none by a policy that has no statement to allow it.
/// </summary>
sealed class KeyPolicyFuzzTarget : IFuzzTarget
{
    const string RoleArn = "arn:aws:iam::123456789012:role/enclave";

    static readonly KeyPolicyRequest s_bare = new("kms:Decrypt", RoleArn, new Dictionary<string, string>());
    static readonly KeyPolicyRequest s_attested = s_bare with
    {
        Values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["kms:RecipientAttestation:ImageSha384"] = Value(1).ToString(),
            ["kms:RecipientAttestation:PCR1"] = Value(2).ToString(),
            ["kms:RecipientAttestation:PCR2"] = Value(3).ToString(),
            ["kms:EncryptionContext:purpose"] = "test",
        },
    };

    public string Name => "keypolicy";

    public IEnumerable<byte[]> Seeds { get; } =
    [
        Encoding.UTF8.GetBytes(KeyPolicy.Default),
        Encoding.UTF8.GetBytes(KmsKeyPolicy.Create(AttestationPolicy.ForImage(new ImageMeasurements(Value(1), Value(2), Value(3))), RoleArn, "arn:aws:iam::123456789012:root")),
        """{"Statement":{"Effect":"Deny","Principal":{"AWS":["1","*"]},"Action":["kms:De?rypt","*"],"Resource":"*","Condition":{"StringLikeIfExists":{"kms:EncryptionContext:purpose":["t*","x"]},"Null":{"kms:RecipientAttestation:PCR8":"true"}}}}"""u8.ToArray(),
        """{"Statement":{"\u0053id":"\ud83d\ude00","Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"kms:EncryptionContext:\ud83d\ude00":"\ud83d\ude00"}}}}"""u8.ToArray(),
    ];

    public void Run(ReadOnlySpan<byte> input)
    {
        var text = Encoding.UTF8.GetString(input);
        KeyPolicy policy;
        try
        {
            policy = KeyPolicyReader.Read(text);
        }
        catch (KmsErrorException)
        {
            return;
        }

        foreach (var request in (KeyPolicyRequest[])[s_bare, s_attested])
        {
            var decision = policy.Decide(request);
            if (decision.IsAllowed && (decision.IsExplicitDeny || !text.Contains("Allow", StringComparison.Ordinal)) && !text.Contains('\\', StringComparison.Ordinal))
            {
                throw new InvalidOperationException("A request was allowed that no statement allows.");
            }
        }
    }

    static PcrValue Value(byte fill) => new([.. Enumerable.Repeat(fill, PcrValue.Length)]);
}
