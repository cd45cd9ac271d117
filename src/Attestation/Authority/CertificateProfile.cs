using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NitroEnclaves.Attestation;

/// <summary>The certificates of a chain from root to leaf, with the fields and lifetimes of those that AWS issues.</summary>
/// <remarks>
/// <code>
///              common name                                  validity  authority, path  key usage
/// root         local.nitro-enclaves                         30 years  yes, any         digitalSignature, keyCertSign, cRLSign
/// regional     {16 hex}.{region}.aws.nitro-enclaves         20 d 1 h  yes, 2           the same
/// zonal        {16 hex}.zonal.{region}.aws.nitro-enclaves   6 d       yes, 1           the same
/// instance     {instance id}.{region}.aws.nitro-enclaves    24 h      yes, 0           keyCertSign
/// leaf         {module id}.{region}.aws                     3 h 3 s   no               digitalSignature, nonRepudiation, not critical
/// </code>
/// All keys are on P-384, all signatures ECDSA with SHA-384. Organisation and country are our own, so that no one takes the chain for
/// AWS's; there is no distribution point, as there is no list of revocations.
/// </remarks>
static class CertificateProfile
{
    internal static readonly TimeSpan RegionalValidity = new(20, 1, 0, 0);
    internal static readonly TimeSpan ZonalValidity = TimeSpan.FromDays(6);
    internal static readonly TimeSpan InstanceValidity = TimeSpan.FromHours(24);
    internal static readonly TimeSpan LeafValidity = TimeSpan.FromHours(3);

    const string Region = "local-1";
    const string Organization = "Nitro Enclaves for .NET";
    const string Unit = "Local authority";
    const string Place = "Local";
    const string Country = "XX"; // ISO 3166 leaves it to its users
    const int RootYears = 30;
    const int SerialLength = 16;

    const X509KeyUsageFlags AuthorityUsage = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign;

    static readonly TimeSpan LeafBackdate = TimeSpan.FromSeconds(3);

    internal static CertifiedKey CreateRoot(DateTimeOffset now)
    {
        var key = NewKey();
        var request = Request(Name("local.nitro-enclaves"), key);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(AuthorityUsage, critical: true));
        var start = WholeSeconds(now);
        var generator = X509SignatureGenerator.CreateForECDsa(key);
        using var certificate = request.Create(request.SubjectName, generator, start, start.AddYears(RootYears), RandomSerial());
        return new CertifiedKey(certificate.RawData, key);
    }

    internal static CertifiedKey CreateRegional(CertifiedKey root, DateTimeOffset now)
    {
        var key = NewKey();
        var request = Request(Name($"{RandomHex()}.{Region}.aws.nitro-enclaves"), key);
        AddAuthority(request, root, pathLength: 2);
        return Issue(request, key, root, now, RegionalValidity, RandomSerial());
    }

    internal static CertifiedKey CreateZonal(CertifiedKey regional, DateTimeOffset now)
    {
        var name = new X500DistinguishedNameBuilder();
        name.AddLocalityName(Place);
        name.AddStateOrProvinceName(Place);
        name.AddCountryOrRegion(Country);
        name.AddOrganizationName(Organization);
        name.AddOrganizationalUnitName(Unit);
        name.AddCommonName($"{RandomHex()}.zonal.{Region}.aws.nitro-enclaves");
        var key = NewKey();
        var request = Request(name.Build(), key);
        AddAuthority(request, regional, pathLength: 1);
        return Issue(request, key, regional, now, ZonalValidity, RandomSerial());
    }

    internal static CertifiedKey CreateInstance(CertifiedKey zonal, string instanceId, DateTimeOffset now)
    {
        var key = NewKey();
        var request = Request(PlacedName($"{instanceId}.{Region}.aws.nitro-enclaves"), key);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(AuthorityKeyIdentifier(zonal));
        return Issue(request, key, zonal, now, InstanceValidity, RandomSerial());
    }

    /// <summary>A leaf's serial number is the enclave's own id followed by the second of issue, 8 bytes each.</summary>
    internal static CertifiedKey CreateLeaf(CertifiedKey instance, string moduleId, ulong enclaveId, DateTimeOffset now)
    {
        var key = NewKey();
        var request = Request(PlacedName($"{moduleId}.{Region}.aws"), key);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.NonRepudiation, critical: false));
        var issue = WholeSeconds(now);
        var serial = new byte[SerialLength];
        BinaryPrimitives.WriteUInt64BigEndian(serial, enclaveId);
        BinaryPrimitives.WriteUInt64BigEndian(serial.AsSpan(8), (ulong)issue.ToUnixTimeSeconds());
        return Issue(request, key, instance, issue - LeafBackdate, LeafBackdate + LeafValidity, serial);
    }

    static CertifiedKey Issue(
        CertificateRequest request,
        ECDsa key,
        CertifiedKey issuer,
        DateTimeOffset start,
        TimeSpan validity,
        byte[] serial)
    {
        start = WholeSeconds(start);
        var generator = X509SignatureGenerator.CreateForECDsa(issuer.Key);
        using var certificate = request.Create(issuer.Subject, generator, start, start + validity, serial);
        return new CertifiedKey(certificate.RawData, key);
    }

    static void AddAuthority(CertificateRequest request, CertifiedKey issuer, int pathLength)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, pathLength, critical: true));
        request.CertificateExtensions.Add(AuthorityKeyIdentifier(issuer));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(AuthorityUsage, critical: true));
    }

    static X509AuthorityKeyIdentifierExtension AuthorityKeyIdentifier(CertifiedKey issuer) =>
        X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(
            new X509SubjectKeyIdentifierExtension(issuer.SubjectKey, critical: false));

    // The builder encodes what is added last first.
    static X500DistinguishedName Name(string commonName)
    {
        var name = new X500DistinguishedNameBuilder();
        name.AddCommonName(commonName);
        name.AddOrganizationalUnitName(Unit);
        name.AddOrganizationName(Organization);
        name.AddCountryOrRegion(Country);
        return name.Build();
    }

    static X500DistinguishedName PlacedName(string commonName)
    {
        var name = new X500DistinguishedNameBuilder();
        name.AddCommonName(commonName);
        name.AddOrganizationalUnitName(Unit);
        name.AddOrganizationName(Organization);
        name.AddLocalityName(Place);
        name.AddStateOrProvinceName(Place);
        name.AddCountryOrRegion(Country);
        return name.Build();
    }

    static CertificateRequest Request(X500DistinguishedName subject, ECDsa key) => new(subject, key, HashAlgorithmName.SHA384);

    static ECDsa NewKey() => ECDsa.Create(ECCurve.NamedCurves.nistP384);

    static string RandomHex() => RandomNumberGenerator.GetHexString(16, lowercase: true);

    static byte[] RandomSerial()
    {
        var serial = RandomNumberGenerator.GetBytes(SerialLength);
        serial[0] &= 0x7F; // positive
        return serial;
    }

    static DateTimeOffset WholeSeconds(DateTimeOffset moment) => DateTimeOffset.FromUnixTimeSeconds(moment.ToUnixTimeSeconds());
}
