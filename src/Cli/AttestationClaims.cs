using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using NitroEnclaves.Attestation;

namespace NitroEnclaves.Cli;

/// <summary>What a document claims, which anybody may have written.</summary>
static class AttestationClaims
{
    const string Warning = "Nothing of this is proven: anybody can write such a document. 'nitro attest verify' checks one.";

    // A line holds this much of a value; --json has all of it.
    const int ShownBytes = 48;

    /// <summary>For people.</summary>
    public static string Text(UnverifiedAttestationDocument document)
    {
        var text = new StringBuilder($"claims    {Warning}\n");
        text.Append(CultureInfo.InvariantCulture, $"  module      {Printable(document.ModuleId)}\n");
        text.Append(CultureInfo.InvariantCulture, $"  made        {document.Timestamp.UtcDateTime:yyyy-MM-dd HH:mm:ss.fff} UTC\n");
        text.Append(document.IsDebugMode ? "  debug mode  yes: PCR0, 1 or 2 is zero\n" : "");
        foreach (var (index, value) in document.Pcrs.Where(pcr => !pcr.Value.IsZero))
        {
            text.Append(CultureInfo.InvariantCulture, $"  PCR{index,-8} {value}\n");
        }

        var zero = document.Pcrs.Where(pcr => pcr.Value.IsZero).Select(pcr => pcr.Key).ToArray();
        text.Append(zero.Length == 0 ? "" : $"  zero        PCR {string.Join(", ", zero)}\n");
        text.Append(CultureInfo.InvariantCulture, $"  public key  {Shown(document.PublicKey)}\n");
        text.Append(CultureInfo.InvariantCulture, $"  user data   {Shown(document.UserData)}\n");
        text.Append(CultureInfo.InvariantCulture, $"  nonce       {Shown(document.Nonce)}\n");
        foreach (var certificate in document.CaBundle.Append(document.Certificate))
        {
            text.Append(CultureInfo.InvariantCulture, $"  certificate {Describe(certificate)}\n");
        }

        return text.ToString();
    }

    /// <summary>For programs: one object, whose member <c>Verified</c> is false.</summary>
    public static string Json(UnverifiedAttestationDocument document)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            writer.WriteStartObject();
            writer.WriteBoolean("Verified", false);
            writer.WriteString("Warning", Warning);
            writer.WriteString("ModuleId", document.ModuleId);
            writer.WriteString("Timestamp", document.Timestamp);
            writer.WriteBoolean("DebugMode", document.IsDebugMode);
            AttestationReport.WritePcrs(writer, document.Pcrs);
            AttestationReport.WriteBytes(writer, "PublicKey", document.PublicKey);
            AttestationReport.WriteBytes(writer, "UserData", document.UserData);
            AttestationReport.WriteBytes(writer, "Nonce", document.Nonce);
            AttestationReport.WriteBytes(writer, "Certificate", document.Certificate);
            writer.WriteStartArray("CaBundle");
            foreach (var certificate in document.CaBundle)
            {
                writer.WriteStringValue(Convert.ToHexStringLower(certificate.Span));
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    static string Shown(ReadOnlyMemory<byte>? value) => value switch
    {
        null => "none",
        { Length: 0 } => "empty",
        { Length: > ShownBytes } bytes => $"{Convert.ToHexStringLower(bytes.Span[..ShownBytes])}... ({bytes.Length} bytes)",
        { } bytes => $"{Convert.ToHexStringLower(bytes.Span)} ({bytes.Length} bytes)",
    };

    static string Describe(ReadOnlyMemory<byte> encoded)
    {
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificate(encoded.Span);
            var name = Printable(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false));
            return $"{name}, to {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm:ss} UTC";
        }
        catch (CryptographicException)
        {
            return $"unreadable ({encoded.Length} bytes)";
        }
    }

    // Names come from the document: what a terminal would take for an order is left out.
    static string Printable(string name) => string.Concat(name.Where(character => character is >= ' ' and <= '~'));
}
