using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

/// <summary>
/// Writes what a policy expects of registers as the key policy of an AWS KMS key, so that the key serves such enclaves only.
/// </summary>
/// <remarks>
/// The condition keys are <c>kms:RecipientAttestation:ImageSha384</c> (PCR0) and <c>kms:RecipientAttestation:PCR&lt;n&gt;</c>; requests
/// without a document do not meet them. They exist for the operations that take a recipient; of these GenerateRandom has no key and so no
/// key
/// policy. Conditions know neither nonce nor age: KMS judges the age of documents by itself.
/// </remarks>
public static class KmsKeyPolicy
{
    const string ConditionKey = "kms:RecipientAttestation:";

    static readonly string[] Operations = ["kms:Decrypt", "kms:DeriveSharedSecret", "kms:GenerateDataKey", "kms:GenerateDataKeyPair"];

    static readonly JsonWriterOptions WriterOptions = new() { Indented = true, NewLine = "\n" };

    /// <summary>Writes the key policy: one statement per image, one that denies the operations to requests without a document.</summary>
    /// <param name="policy">What is expected. <see cref="AttestationPolicyLint"/> tells what it leaves open, here as elsewhere.</param>
    /// <param name="principal">Who makes the requests: the ARN of the parent instance's role.</param>
    /// <param name="administrator">
    /// Who manages the key: the ARN of a role, or the account's <c>arn:aws:iam::&lt;account&gt;:root</c>. Null leaves that statement out;
    /// KMS refuses key policies that leave nobody to change them.
    /// </param>
    /// <returns>The policy, JSON.</returns>
    /// <exception cref="ArgumentException">The policy expects no register, or an ARN is none of an IAM principal.</exception>
    public static string Create(AttestationPolicy policy, string principal, string? administrator = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        if (policy.ExpectsNoPcrs)
        {
            throw new ArgumentException("The policy expects no register: the key would serve any enclave.", nameof(policy));
        }

        CheckArn(principal, nameof(principal));
        var output = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(output, WriterOptions))
        {
            json.WriteStartObject();
            json.WriteString("Version", "2012-10-17");
            json.WriteStartArray("Statement");
            if (administrator is not null)
            {
                CheckArn(administrator, nameof(administrator));
                WriteStatement(json, "Administration", "Allow", administrator, ["kms:*"], null);
            }

            WriteImages(json, policy, principal);
            WriteStatement(json, "NothingWithoutAttestation", "Deny", "*", Operations, WriteNullCondition);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(output.WrittenSpan) + "\n";
    }

    /// <summary>A statement per image: in one statement, lists of values would let registers of different images pass together.</summary>
    static void WriteImages(Utf8JsonWriter json, AttestationPolicy policy, string principal)
    {
        if (policy.Images.IsEmpty)
        {
            WriteStatement(json, "AttestedEnclaves", "Allow", principal, Operations, json => WriteEqualsCondition(json, policy, null));
        }

        for (var index = 0; index < policy.Images.Length; index++)
        {
            var image = policy.Images[index];
            var sid = policy.Images.Length == 1 ? "AttestedImage" : $"AttestedImage{(index + 1).ToString(CultureInfo.InvariantCulture)}";
            WriteStatement(json, sid, "Allow", principal, Operations, json => WriteEqualsCondition(json, policy, image));
        }
    }

    static void WriteStatement(
        Utf8JsonWriter json,
        string sid,
        string effect,
        string principal,
        string[] actions,
        Action<Utf8JsonWriter>? writeCondition)
    {
        json.WriteStartObject();
        json.WriteString("Sid", sid);
        json.WriteString("Effect", effect);
        json.WriteStartObject("Principal");
        json.WriteString("AWS", principal);
        json.WriteEndObject();
        json.WriteStartArray("Action");
        foreach (var action in actions)
        {
            json.WriteStringValue(action);
        }

        json.WriteEndArray();
        json.WriteString("Resource", "*");
        if (writeCondition is not null)
        {
            json.WriteStartObject("Condition");
            writeCondition(json);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    static void WriteEqualsCondition(Utf8JsonWriter json, AttestationPolicy policy, ImageMeasurements? image)
    {
        json.WriteStartObject("StringEqualsIgnoreCase");
        if (image is { } measured)
        {
            WritePcr(json, Pcr.Image, measured.Pcr0);
            WritePcr(json, Pcr.KernelAndBoot, measured.Pcr1);
            WritePcr(json, Pcr.Application, measured.Pcr2);
        }

        foreach (var (index, value) in policy.Pcrs)
        {
            WritePcr(json, index, value);
        }

        json.WriteEndObject();
    }

    static void WritePcr(Utf8JsonWriter json, int index, PcrValue value)
    {
        var name = index == Pcr.Image ? "ImageSha384" : $"PCR{index.ToString(CultureInfo.InvariantCulture)}";
        json.WriteString(ConditionKey + name, value.ToString());
    }

    static void WriteNullCondition(Utf8JsonWriter json)
    {
        json.WriteStartObject("Null");
        json.WriteString($"{ConditionKey}ImageSha384", "true");
        json.WriteEndObject();
    }

    static void CheckArn(string arn, string parameter)
    {
        // arn:<partition>:iam::<account>:<resource>
        ArgumentNullException.ThrowIfNull(arn, parameter);
        if (arn.Split(':') is not ["arn", { Length: > 0 }, "iam", "", { Length: 12 } account, { Length: > 0 }]
            || !account.All(char.IsAsciiDigit))
        {
            throw new ArgumentException($"{arn} is not the ARN of an IAM principal.", parameter);
        }
    }
}
