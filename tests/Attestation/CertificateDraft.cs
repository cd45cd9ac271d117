using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>A certificate before it is signed, right in all respects until a test changes one.</summary>
sealed class CertificateDraft
{
    public required string Level { get; init; }

    public required string CommonName { get; set; }

    /// <summary>The issuer's name in the certificate; null for the issuer's own.</summary>
    public string? IssuerName { get; set; }

    public ECDsa Key { get; set; } = ECDsa.Create(ECCurve.NamedCurves.nistP384);

    /// <summary>Signs instead of the issuer's key.</summary>
    public ECDsa? SigningKey { get; set; }

    public HashAlgorithmName Hash { get; set; } = HashAlgorithmName.SHA384;

    public DateTimeOffset NotBefore { get; set; } = TestClock.Noon.AddHours(-1);

    public DateTimeOffset NotAfter { get; set; } = TestClock.Noon.AddHours(1);

    public bool IsAuthority { get; set; } = true;

    public int? PathLength { get; set; }

    public bool OmitsBasicConstraints { get; set; }

    public X509KeyUsageFlags? KeyUsage { get; set; }

    public List<X509Extension> Others { get; } = [];

    public static CertificateDraft Of(string level) => new()
    {
        Level = level,
        CommonName = level == TestPki.Leaf ? $"{OwnDocuments.ModuleId}.test.aws" : $"{level}.test.aws.nitro-enclaves",
        IsAuthority = level != TestPki.Leaf,
        PathLength = level switch { TestPki.Regional => 2, TestPki.Zonal => 1, TestPki.Instance => 0, _ => null },
        KeyUsage = level == TestPki.Leaf ? X509KeyUsageFlags.DigitalSignature : X509KeyUsageFlags.KeyCertSign,
    };

    public byte[] Sign(CertificateDraft issuer)
    {
        var request = new CertificateRequest(Name(CommonName), Key, Hash);
        if (!OmitsBasicConstraints)
        {
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(IsAuthority, PathLength is not null, PathLength ?? 0, critical: true));
        }

        if (KeyUsage is { } usage)
        {
            request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, critical: IsAuthority));
        }

        Others.ForEach(request.CertificateExtensions.Add);
        return request.Create(
            Name(IssuerName ?? issuer.CommonName),
            X509SignatureGenerator.CreateForECDsa(SigningKey ?? issuer.Key),
            NotBefore,
            NotAfter,
            RandomNumberGenerator.GetBytes(8)).RawData;
    }

    static X500DistinguishedName Name(string commonName) => new($"CN={commonName}");
}
