using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using NitroEnclaves.Attestation;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Cli;

/// <summary>What a verification proved, and what it did not.</summary>
static class AttestationReport
{
    /// <summary>For people.</summary>
    public static string Text(AttestationResult result)
    {
        if (!result.IsVerified)
        {
            return $"refused   {result.Failure}: {result.Message}\n";
        }

        var attestation = result.Attestation;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"verified  {attestation.ModuleId}, made {attestation.Timestamp.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC");
        text.Append(attestation.IsDebugMode ? ", DEBUG MODE\n" : "\n");
        text.Append(CultureInfo.InvariantCulture, $"  root    {Root(attestation)}\n");
        foreach (var (index, value) in attestation.Pcrs.Where(pcr => !pcr.Value.IsZero))
        {
            text.Append(CultureInfo.InvariantCulture, $"  PCR{index,-4} {value}\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"  proven  {string.Join(", ", Proven(attestation.Policy))}\n");
        if (Open(attestation).ToArray() is { Length: > 0 } open)
        {
            text.Append(CultureInfo.InvariantCulture, $"  open    {string.Join(", ", open)}\n");
        }

        return text.ToString();
    }

    /// <summary>For programs: one object; of a refused document only the reason.</summary>
    public static string Json(AttestationResult result)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            writer.WriteStartObject();
            writer.WriteBoolean("Verified", result.IsVerified);
            if (result.IsVerified)
            {
                WriteAttestation(writer, result.Attestation);
            }
            else
            {
                writer.WriteString("Failure", result.Failure.ToString());
                writer.WriteString("Message", result.Message);
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    static void WriteAttestation(Utf8JsonWriter writer, VerifiedAttestation attestation)
    {
        writer.WriteString("ModuleId", attestation.ModuleId);
        writer.WriteString("Timestamp", attestation.Timestamp);
        writer.WriteString("RootSha256", attestation.RootSha256);
        writer.WriteBoolean("DebugMode", attestation.IsDebugMode);
        WritePcrs(writer, attestation.Pcrs);
        WriteBytes(writer, "PublicKey", attestation.PublicKey);
        WriteBytes(writer, "UserData", attestation.UserData);
        WriteBytes(writer, "Nonce", attestation.Nonce);
        WriteTexts(writer, "Proven", Proven(attestation.Policy));
        WriteTexts(writer, "Open", Open(attestation));
    }

    /// <summary>The registers: an object of their values by number.</summary>
    public static void WritePcrs(Utf8JsonWriter writer, IReadOnlyDictionary<int, PcrValue> pcrs)
    {
        writer.WriteStartObject("Pcrs");
        foreach (var (index, value) in pcrs)
        {
            writer.WriteString(index.ToString(CultureInfo.InvariantCulture), value.ToString());
        }

        writer.WriteEndObject();
    }

    /// <summary>A member in hexadecimal digits, or null.</summary>
    public static void WriteBytes(Utf8JsonWriter writer, string name, ReadOnlyMemory<byte>? value)
    {
        if (value is { } bytes)
        {
            writer.WriteString(name, Convert.ToHexStringLower(bytes.Span));
        }
        else
        {
            writer.WriteNull(name);
        }
    }

    static void WriteTexts(Utf8JsonWriter writer, string name, IEnumerable<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (var text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }

    static string Root(VerifiedAttestation attestation) => attestation.RootSha256 == AttestationRoot.AwsNitroEnclavesG1.Sha256
        ? "AWS Nitro Enclaves G1"
        : $"local, sha256 {attestation.RootSha256}: proves nothing about AWS";

    static IEnumerable<string> Proven(AttestationPolicy policy)
    {
        yield return "signature and chain";
        if (!policy.Images.IsEmpty)
        {
            yield return "PCR0, 1 and 2";
        }

        foreach (var index in policy.Pcrs.Keys)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"PCR{index}");
        }

        if (policy.Nonce is not null)
        {
            yield return "nonce";
        }

        if (policy.PublicKey is not null)
        {
            yield return "public key";
        }

        if (policy.UserData is not null)
        {
            yield return "user data";
        }
    }

    static IEnumerable<string> Open(VerifiedAttestation attestation)
    {
        var policy = attestation.Policy;
        if (policy.ExpectsNoPcrs)
        {
            yield return "which image runs";
        }

        if (policy.Nonce is null)
        {
            yield return "that the document is new";
        }

        if (attestation.PublicKey is not null && policy.PublicKey is null)
        {
            yield return "the public key (in the document, compared with nothing)";
        }

        if (attestation.UserData is not null && policy.UserData is null)
        {
            yield return "the user data (in the document, compared with nothing)";
        }
    }
}
