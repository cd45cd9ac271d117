using System.Formats.Asn1;
using System.Security.Cryptography;

namespace NitroEnclaves.Attestation;

/// <summary>The fields of an X.509 certificate that a chain is judged by, read strictly as DER (RFC 5280 section 4.1).</summary>
/// <remarks>
/// <code>
/// Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue BIT STRING }
/// TBSCertificate ::= SEQUENCE { [0] version, serialNumber INTEGER, signature, issuer Name, SEQUENCE { notBefore, notAfter },
///     subject Name, subjectPublicKeyInfo, [1] [2] unique identifiers, [3] extensions }
/// </code>
/// </remarks>
sealed class DerCertificate
{
    const int Version3 = 2;
    const string EcdsaWithSha384 = "1.2.840.10045.4.3.3";
    const string EcPublicKey = "1.2.840.10045.2.1";
    const string P384 = "1.3.132.0.34";
    const string CommonName = "2.5.4.3";
    const int P384PointLength = 97;
    const byte UncompressedPoint = 4;

    static readonly Asn1Tag Utf8String = new(UniversalTagNumber.UTF8String);
    static readonly Asn1Tag PrintableString = new(UniversalTagNumber.PrintableString);

    DerCertificate(ReadOnlyMemory<byte> encoded) => Encoded = encoded;

    internal ReadOnlyMemory<byte> Encoded { get; }

    /// <summary>The bytes that the signature covers.</summary>
    internal ReadOnlyMemory<byte> ToBeSigned { get; private set; }

    /// <summary>The signature, a DER sequence of r and s.</summary>
    internal ReadOnlyMemory<byte> Signature { get; private set; }

    internal ReadOnlyMemory<byte> Issuer { get; private set; }

    internal ReadOnlyMemory<byte> Subject { get; private set; }

    /// <summary>The common name in the subject; empty where there is none, or more than one.</summary>
    internal string SubjectCommonName { get; private set; } = "";

    internal DateTimeOffset NotBefore { get; private set; }

    internal DateTimeOffset NotAfter { get; private set; }

    internal CertificateExtensions Extensions { get; private set; } = CertificateExtensions.None;

    /// <summary>The key's bytes: on P-384 the point, 4, x, y.</summary>
    internal ReadOnlyMemory<byte> PublicPoint { get; private set; }

    /// <summary>Whether the key is on P-384 and the signature ECDSA with SHA-384.</summary>
    internal bool IsP384WithSha384 { get; private set; }

    /// <summary>Reads a certificate; throws <see cref="AsnContentException"/> where it is malformed or not of version 3.</summary>
    internal static DerCertificate Parse(ReadOnlyMemory<byte> der)
    {
        var certificate = new DerCertificate(der);
        var outer = new AsnReader(der, AsnEncodingRules.DER);
        var parts = outer.ReadSequence();
        outer.ThrowIfNotEmpty();

        certificate.ToBeSigned = parts.PeekEncodedValue();
        var fields = parts.ReadSequence();
        var outerAlgorithm = parts.ReadEncodedValue();
        certificate.Signature = ReadOctets(parts);
        parts.ThrowIfNotEmpty();

        var innerAlgorithm = certificate.ReadFields(fields);
        if (!innerAlgorithm.Span.SequenceEqual(outerAlgorithm.Span))
        {
            throw new AsnContentException("The two signature algorithms of the certificate differ.");
        }

        return certificate;
    }

    ReadOnlyMemory<byte> ReadFields(AsnReader fields)
    {
        var version = fields.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0));
        if (!version.TryReadInt32(out var number) || number != Version3)
        {
            throw new AsnContentException("The certificate is not of version 3.");
        }

        version.ThrowIfNotEmpty();
        fields.ReadIntegerBytes();
        var algorithm = fields.ReadEncodedValue();
        Issuer = fields.ReadEncodedValue();
        var validity = fields.ReadSequence();
        NotBefore = ReadTime(validity);
        NotAfter = ReadTime(validity);
        validity.ThrowIfNotEmpty();
        Subject = fields.ReadEncodedValue();
        SubjectCommonName = ReadCommonName(Subject);
        PublicPoint = ReadPublicPoint(fields.ReadSequence(), out var isP384);
        IsP384WithSha384 = isP384 && ReadIsEcdsaWithSha384(algorithm);

        for (var uniqueId = 1; uniqueId <= 2; uniqueId++)
        {
            if (fields.HasData && fields.PeekTag() is { TagClass: TagClass.ContextSpecific } tag && tag.TagValue == uniqueId)
            {
                fields.ReadEncodedValue();
            }
        }

        if (fields.HasData)
        {
            var explicitly = fields.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 3));
            Extensions = CertificateExtensions.Parse(explicitly.ReadSequence());
            explicitly.ThrowIfNotEmpty();
            fields.ThrowIfNotEmpty();
        }

        return algorithm;
    }

    static ReadOnlyMemory<byte> ReadPublicPoint(AsnReader keyInfo, out bool isP384)
    {
        // SEQUENCE { SEQUENCE { id-ecPublicKey, namedCurve }, BIT STRING }; other keys have other parameters, which are not looked at.
        var algorithm = keyInfo.ReadSequence();
        var isNamedCurve = algorithm.ReadObjectIdentifier() == EcPublicKey
            && algorithm.HasData
            && algorithm.PeekTag() == Asn1Tag.ObjectIdentifier;
        var isCurve = isNamedCurve && algorithm.ReadObjectIdentifier() == P384 && !algorithm.HasData;
        var point = ReadOctets(keyInfo);
        keyInfo.ThrowIfNotEmpty();
        isP384 = isCurve && point.Length == P384PointLength && point.Span[0] == UncompressedPoint;
        return point;
    }

    static bool ReadIsEcdsaWithSha384(ReadOnlyMemory<byte> algorithm)
    {
        var reader = new AsnReader(algorithm, AsnEncodingRules.DER).ReadSequence();
        return reader.ReadObjectIdentifier() == EcdsaWithSha384 && !reader.HasData;
    }

    static ReadOnlyMemory<byte> ReadOctets(AsnReader reader)
    {
        var bits = reader.ReadBitString(out var unused);
        return unused == 0 ? bits : throw new AsnContentException("A bit string of the certificate is not made of whole octets.");
    }

    static DateTimeOffset ReadTime(AsnReader validity) =>
        validity.PeekTag() == Asn1Tag.UtcTime ? validity.ReadUtcTime(twoDigitYearMax: 2049) : validity.ReadGeneralizedTime();

    static string ReadCommonName(ReadOnlyMemory<byte> name)
    {
        // Name ::= SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value }
        string? commonName = null;
        var names = new AsnReader(name, AsnEncodingRules.DER).ReadSequence();
        while (names.HasData)
        {
            for (var set = names.ReadSetOf(); set.HasData;)
            {
                var attribute = set.ReadSequence();
                if (attribute.ReadObjectIdentifier() != CommonName)
                {
                    continue;
                }

                var tag = attribute.PeekTag();
                commonName = commonName is null && (tag == Utf8String || tag == PrintableString)
                    ? attribute.ReadCharacterString((UniversalTagNumber)tag.TagValue)
                    : "";
            }
        }

        return commonName ?? "";
    }
}
