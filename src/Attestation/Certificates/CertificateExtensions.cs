using System.Formats.Asn1;

namespace NitroEnclaves.Attestation;

/// <summary>What a certificate's extensions allow (RFC 5280 section 4.2).</summary>
sealed class CertificateExtensions
{
    const string BasicConstraints = "2.5.29.19";
    const string KeyUsage = "2.5.29.15";
    const int MaximumCount = 16;

    // KeyUsage ::= BIT STRING { digitalSignature(0), ..., keyCertSign(5), ... }, the first bit being the highest of the first octet.
    const byte DigitalSignature = 0x80;
    const byte KeyCertSign = 0x04;

    byte _keyUsage;

    internal static CertificateExtensions None { get; } = new();

    /// <summary>Whether the holder is an authority: basic constraints are there and say so.</summary>
    internal bool IsAuthority { get; private set; }

    /// <summary>How many authorities may follow in a chain; null for any number.</summary>
    internal int? PathLength { get; private set; }

    internal bool AllowsSigning => (_keyUsage & DigitalSignature) != 0;

    internal bool AllowsCertificateSigning => (_keyUsage & KeyCertSign) != 0;

    /// <summary>Whether an extension is critical that nothing here knows.</summary>
    internal bool HasUnknownCritical { get; private set; }

    /// <summary>Reads the sequence of extensions; throws <see cref="AsnContentException"/> where it is malformed.</summary>
    internal static CertificateExtensions Parse(AsnReader sequence)
    {
        var extensions = new CertificateExtensions();
        var seen = new HashSet<string>();
        while (sequence.HasData)
        {
            var extension = sequence.ReadSequence();
            var oid = extension.ReadObjectIdentifier();
            var isCritical = extension.PeekTag() == Asn1Tag.Boolean && extension.ReadBoolean();
            var value = extension.ReadOctetString();
            extension.ThrowIfNotEmpty();
            if (!seen.Add(oid) || seen.Count > MaximumCount)
            {
                throw new AsnContentException("The certificate has an extension twice, or too many of them.");
            }

            switch (oid)
            {
                case BasicConstraints:
                    extensions.ReadBasicConstraints(value);
                    break;
                case KeyUsage:
                    extensions.ReadKeyUsage(value);
                    break;
                default:
                    extensions.HasUnknownCritical |= isCritical;
                    break;
            }
        }

        return extensions;
    }

    void ReadBasicConstraints(byte[] value)
    {
        // BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER (0..MAX) OPTIONAL }
        var outer = new AsnReader(value, AsnEncodingRules.DER);
        var constraints = outer.ReadSequence();
        outer.ThrowIfNotEmpty();
        IsAuthority = constraints.HasData && constraints.PeekTag() == Asn1Tag.Boolean && constraints.ReadBoolean();
        if (constraints.HasData)
        {
            PathLength = constraints.TryReadInt32(out var length) && length >= 0
                ? length
                : throw new AsnContentException("The path length of the certificate is none.");
        }

        constraints.ThrowIfNotEmpty();
    }

    void ReadKeyUsage(byte[] value)
    {
        var reader = new AsnReader(value, AsnEncodingRules.DER);
        var bits = reader.ReadBitString(out _);
        reader.ThrowIfNotEmpty();
        _keyUsage = bits.Length > 0 ? bits[0] : (byte)0;
    }
}
