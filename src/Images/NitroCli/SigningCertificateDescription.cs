using System.Formats.Asn1;
using System.Globalization;

namespace NitroEnclaves.Images;

/// <summary>A signing certificate as <c>describe-eif</c> shows it.</summary>
public sealed class SigningCertificateDescription
{
    SigningCertificateDescription(SortedDictionary<string, string> issuerName, string algorithm, DateTimeOffset notBefore,
        DateTimeOffset notAfter, string signature)
    {
        IssuerName = issuerName;
        Algorithm = algorithm;
        NotBefore = notBefore;
        NotAfter = notAfter;
        Signature = signature;
    }

    /// <summary>The issuer's attributes by OpenSSL's long names, sorted; of an attribute that occurs twice the last.</summary>
    public IReadOnlyDictionary<string, string> IssuerName { get; }

    /// <summary>OpenSSL's long name of the algorithm that the issuer signed with, for example "ecdsa-with-SHA384".</summary>
    public string Algorithm { get; }

    /// <summary>The start of the certificate's validity.</summary>
    public DateTimeOffset NotBefore { get; }

    /// <summary>The end of the certificate's validity.</summary>
    public DateTimeOffset NotAfter { get; }

    /// <summary>The issuer's signature on the certificate: upper-case hexadecimal bytes with colons between.</summary>
    public string Signature { get; }

    /// <summary>Takes a certificate apart (RFC 5280 section 4.1).</summary>
    /// <param name="certificate">The certificate in DER.</param>
    /// <exception cref="EifException">It is malformed (<see cref="EifError.InvalidSignature"/>).</exception>
    public static SigningCertificateDescription Read(ReadOnlyMemory<byte> certificate)
    {
        try
        {
            // Rules of BER, since OpenSSL takes certificates that are not quite DER.
            var outer = new AsnReader(certificate, AsnEncodingRules.BER).ReadSequence();
            var body = outer.ReadSequence();
            string algorithm = outer.ReadSequence().ReadObjectIdentifier();
            byte[] signature = outer.ReadBitString(out _);
            var version = new Asn1Tag(TagClass.ContextSpecific, 0, isConstructed: true);
            if (body.PeekTag() == version)
            {
                body.ReadEncodedValue();
            }

            body.ReadInteger();
            body.ReadSequence();
            var issuer = ReadName(body.ReadSequence());
            var validity = body.ReadSequence();
            return new SigningCertificateDescription(
                issuer,
                OpenSslNames.Of(algorithm),
                ReadTime(validity),
                ReadTime(validity),
                string.Join(':', signature.Select(value => value.ToString("X2", CultureInfo.InvariantCulture))));
        }
        catch (AsnContentException e)
        {
            throw new EifException(EifError.InvalidSignature, 0, "The signing certificate is malformed.", e);
        }
    }

    /// <summary>A time as OpenSSL prints it: "Nov  1 05:14:55 2026 GMT".</summary>
    internal static string FormatTime(DateTimeOffset time) =>
        string.Create(CultureInfo.InvariantCulture,
            $"{time.UtcDateTime:MMM} {time.UtcDateTime.Day,2} {time.UtcDateTime:HH:mm:ss yyyy} GMT");

    static SortedDictionary<string, string> ReadName(AsnReader name)
    {
        var attributes = new SortedDictionary<string, string>(Utf8Order.Instance);
        while (name.HasData)
        {
            var set = name.ReadSetOf(skipSortOrderValidation: true);
            while (set.HasData)
            {
                var attribute = set.ReadSequence();
                string type = OpenSslNames.Of(attribute.ReadObjectIdentifier());
                string value = attribute.ReadCharacterString((UniversalTagNumber)attribute.PeekTag().TagValue);
                // nitro-cli prints the debug form and takes away all quotes, the outer and the escaped ones.
                attributes[type] = RustText.Debug(value).Replace("\"", "", StringComparison.Ordinal);
            }
        }

        return attributes;
    }

    static DateTimeOffset ReadTime(AsnReader reader) =>
        reader.PeekTag().HasSameClassAndValue(Asn1Tag.UtcTime) ? reader.ReadUtcTime() : reader.ReadGeneralizedTime();
}
