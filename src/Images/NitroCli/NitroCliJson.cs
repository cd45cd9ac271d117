using System.Text;
using System.Text.Json;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images;

/// <summary>The JSON that nitro-cli 1.5.0 prints about images: pretty, two spaces a level, without a line feed at the end.</summary>
public static class NitroCliJson
{
    /// <summary>The text for the hash algorithm since nitro-cli 1.5.0; before it was "Sha384 { ... }".</summary>
    public const string HashAlgorithm = "Sha512_48 { .. }";

    /// <summary>What <c>describe-eif</c> prints.</summary>
    /// <param name="description">The image.</param>
    /// <exception cref="NitroCliException">The custom metadata is no object, which nitro-cli cannot print (E17).</exception>
    public static string Describe(EifDescription description)
    {
        ArgumentNullException.ThrowIfNull(description);
        var json = new PrettyJsonWriter();
        json.BeginObject();
        json.Member("EifVersion", description.Version);
        WriteMeasurements(json, description.Measurements);
        json.Member("IsSigned", description.IsSigned);
        if (description.SigningCertificate is { } certificate)
        {
            WriteCertificate(json, certificate);
        }

        json.Member("CheckCRC", description.CrcMatches);
        if (description.SignatureMatches is { } matches)
        {
            json.Member("SignatureCheck", matches);
        }

        if (description.Metadata is { } metadata)
        {
            json.Member("ImageName", metadata.ImageName);
            json.Member("ImageVersion", metadata.ImageVersion);
            WriteMetadata(json, metadata);
        }

        json.EndObject();
        return Encoding.UTF8.GetString(json.Written);
    }

    /// <summary>What <c>build-enclave</c> and <c>sign-eif</c> print.</summary>
    /// <param name="measurements">The image's measurements.</param>
    public static string Measurements(EifMeasurements measurements)
    {
        ArgumentNullException.ThrowIfNull(measurements);
        var json = new PrettyJsonWriter();
        json.BeginObject();
        WriteMeasurements(json, measurements);
        json.EndObject();
        return Encoding.UTF8.GetString(json.Written);
    }

    /// <summary>What <c>pcr</c> prints.</summary>
    /// <param name="name">"PCR" for a file (<c>--input</c>), "PCR8" for a certificate (<c>--signing-certificate</c>).</param>
    /// <param name="value">The register.</param>
    public static string Pcr(string name, PcrValue value)
    {
        var json = new PrettyJsonWriter();
        json.BeginObject();
        json.Member(name, value.ToString());
        json.EndObject();
        return Encoding.UTF8.GetString(json.Written);
    }

    static void WriteMeasurements(PrettyJsonWriter json, EifMeasurements measurements)
    {
        json.BeginObject("Measurements");
        json.Member("HashAlgorithm", HashAlgorithm);
        json.Member("PCR0", measurements.Pcr0.ToString());
        json.Member("PCR1", measurements.Pcr1.ToString());
        json.Member("PCR2", measurements.Pcr2.ToString());
        if (measurements.Pcr8 is { } pcr8)
        {
            json.Member("PCR8", pcr8.ToString());
        }

        json.EndObject();
    }

    static void WriteCertificate(PrettyJsonWriter json, SigningCertificateDescription certificate)
    {
        json.BeginObject("SigningCertificate");
        json.BeginObject("IssuerName");
        foreach (var (name, value) in certificate.IssuerName)
        {
            json.Member(name, value);
        }

        json.EndObject();
        json.Member("Algorithm", certificate.Algorithm);
        json.Member("NotBefore", SigningCertificateDescription.FormatTime(certificate.NotBefore));
        json.Member("NotAfter", SigningCertificateDescription.FormatTime(certificate.NotAfter));
        json.Member("Signature", certificate.Signature);
        json.EndObject();
    }

    static void WriteMetadata(PrettyJsonWriter json, EifMetadata metadata)
    {
        json.BeginObject("Metadata");
        json.Member("BuildTime", metadata.BuildTime);
        json.Member("BuildTool", metadata.BuildTool);
        json.Member("BuildToolVersion", metadata.BuildToolVersion);
        json.Member("OperatingSystem", metadata.OperatingSystem);
        json.Member("KernelVersion", metadata.KernelVersion);
        json.Member("DockerInfo", metadata.DockerInfo);
        if (metadata.CustomMetadata is { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } custom)
        {
            // The members stand beside the others, also where a name is taken.
            foreach (var (name, value) in OrderedJson.Members(Flattenable(custom)))
            {
                json.Member(name!, value);
            }
        }

        json.EndObject();
    }

    static JsonElement Flattenable(JsonElement custom)
    {
        string kind = custom.ValueKind switch
        {
            JsonValueKind.Object => "",
            JsonValueKind.Array => "a sequence",
            JsonValueKind.String => "a string",
            JsonValueKind.True or JsonValueKind.False => "a boolean",
            _ => custom.TryGetInt64(out _) || custom.TryGetUInt64(out _) ? "an integer" : "a float",
        };
        return kind.Length == 0
            ? custom
            : throw new NitroCliException(17,
                $"Failed to display EIF describe data: Error(\"can only flatten structs and maps (got {kind})\", line: 0, column: 0)");
    }
}
