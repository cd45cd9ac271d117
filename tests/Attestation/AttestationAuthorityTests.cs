using System.Globalization;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NitroEnclaves.Attestation.Tests;

public sealed class AttestationAuthorityTests : IDisposable
{
    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    readonly string _parent = Directory.CreateTempSubdirectory("nitro-authority-").FullName;
    readonly TestClock _clock = new();

    string Folder => Path.Combine(_parent, "authority");

    public void Dispose() => Directory.Delete(_parent, recursive: true);

    [Fact]
    public void A_folder_keeps_root_and_chain()
    {
        string root;
        string[] chain;
        using (var authority = AttestationAuthority.OpenOrCreate(Folder, _clock))
        {
            root = authority.Root.Sha256;
            chain = Bundle(authority);
        }

        using var again = AttestationAuthority.OpenOrCreate(Folder, _clock);
        Assert.Equal(root, again.Root.Sha256);
        Assert.Equal(chain[..3], Bundle(again)[..3]);
        Assert.NotEqual(chain[3], Bundle(again)[3]);
    }

    [Fact]
    public void The_root_can_be_taken_from_the_exported_certificate_and_from_its_file()
    {
        using var authority = AttestationAuthority.OpenOrCreate(Folder, _clock);
        byte[][] forms =
        [
            authority.RootCertificate.ToArray(),
            System.Text.Encoding.ASCII.GetBytes(authority.ExportRootCertificatePem()),
            File.ReadAllBytes(Path.Combine(Folder, "root.pem")),
        ];

        Assert.All(forms, form => Assert.Equal(authority.Root.Sha256, AttestationRoot.FromCertificate(form).Sha256));
        Assert.Throws<CryptographicException>(() => AttestationRoot.FromCertificate([1, 2, 3]));
        Assert.Throws<ArgumentException>(() => AttestationRoot.FromSha256(new byte[31]));
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void Folder_and_files_are_their_owners_alone()
    {
        using var authority = AttestationAuthority.OpenOrCreate(Folder, _clock);
        Bundle(authority);

        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
        Assert.Equal(["regional.pem", "root.pem", "zonal.pem"], Directory.GetFiles(Folder).Select(Path.GetFileName).Order());
        Assert.All(Directory.GetFiles(Folder), file => Assert.Equal(OwnerOnly, File.GetUnixFileMode(file)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("root.pem")]
    [UnsupportedOSPlatform("windows")]
    public void What_others_can_read_is_refused(string name)
    {
        AttestationAuthority.OpenOrCreate(Folder, _clock).Dispose();
        var path = Path.Combine(Folder, name);
        File.SetUnixFileMode(path, File.GetUnixFileMode(path) | UnixFileMode.GroupRead);

        Assert.Throws<UnauthorizedAccessException>(() => AttestationAuthority.OpenOrCreate(Folder, _clock));
    }

    [Fact]
    public async Task Of_those_who_create_it_at_once_all_get_the_same_root()
    {
        var roots = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => Task.Run(() =>
        {
            using var authority = AttestationAuthority.OpenOrCreate(Folder, _clock);
            Bundle(authority);
            return authority.Root.Sha256;
        })));

        Assert.Single(roots.Distinct());
        Assert.Equal(3, Directory.GetFiles(Folder).Length);
    }

    [Fact]
    public void What_is_not_a_certificate_with_its_key_is_refused()
    {
        using var authority = AttestationAuthority.OpenOrCreate(Folder, _clock);
        var file = Path.Combine(Folder, "root.pem");
        var good = File.ReadAllText(file);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        string[] bad =
        [
            "",
            "text",
            good[..(good.Length / 2)],
            good[good.IndexOf("-----BEGIN PRIVATE", StringComparison.Ordinal)..],
            authority.ExportRootCertificatePem(),
            authority.ExportRootCertificatePem() + other.ExportPkcs8PrivateKeyPem(),
            good.Replace("MII", "MIJ", StringComparison.Ordinal),
            new string('x', 20_000),
        ];
        foreach (var content in bad)
        {
            File.WriteAllText(file, content);
            Assert.Throws<InvalidDataException>(() => AttestationAuthority.OpenOrCreate(Folder, _clock));
        }

        File.WriteAllText(file, good);
        AttestationAuthority.OpenOrCreate(Folder, _clock).Dispose();
    }

    [Fact]
    public void The_chain_is_renewed_and_the_root_stays()
    {
        using var authority = AttestationAuthority.OpenOrCreate(Folder, _clock);
        var first = Bundle(authority);
        _clock.Now += TimeSpan.FromDays(3);
        Assert.Equal(first[..3], Bundle(authority)[..3]);
        _clock.Now += TimeSpan.FromDays(3);
        var week = Bundle(authority);
        Assert.Equal(first[..2], week[..2]);
        Assert.NotEqual(first[2], week[2]);
        _clock.Now += TimeSpan.FromDays(12);
        var later = Bundle(authority);
        Assert.Equal(first[0], later[0]);
        Assert.NotEqual(first[1], later[1]);

        using var again = AttestationAuthority.OpenOrCreate(Folder, _clock);
        Assert.Equal(later[..3], Bundle(again)[..3]);
    }

    [Fact]
    public void A_chain_of_another_root_is_replaced()
    {
        using (var authority = AttestationAuthority.OpenOrCreate(Folder, _clock))
        {
            Bundle(authority);
        }

        File.Delete(Path.Combine(Folder, "root.pem"));
        using var replaced = AttestationAuthority.OpenOrCreate(Folder, _clock);
        using var issuer = replaced.CreateIssuer();
        var verifier = new AttestationVerifier(new() { Roots = [replaced.Root], TimeProvider = _clock });

        Assert.True(verifier.Verify(issuer.Sign(OwnDocuments.Content()), AttestationPolicy.ForImage(OwnDocuments.Image)).IsVerified);
    }

    [Fact]
    public void Certificates_have_the_profile_of_real_ones()
    {
        using var authority = AttestationAuthority.CreateEphemeral(_clock);
        using var issuer = authority.CreateIssuer();
        var document = UnverifiedAttestationDocument.Parse(issuer.Sign(OwnDocuments.Content()));
        X509Certificate2[] chain = [.. document.CaBundle.Append(document.Certificate).Select(der => X509CertificateLoader.LoadCertificate(der.Span))];

        Assert.Equal(authority.RootCertificate.ToArray(), chain[0].RawData);
        // In the order of encoding: the zonal name has it the other way round, as the real one has.
        Assert.EndsWith("CN=local.nitro-enclaves", Subject(chain[0]), StringComparison.Ordinal);
        Assert.Matches(@"CN=[0-9a-f]{16}\.local-1\.aws\.nitro-enclaves$", Subject(chain[1]));
        Assert.Matches(@"^CN=[0-9a-f]{16}\.zonal\.local-1\.aws\.nitro-enclaves, OU=", Subject(chain[2]));
        Assert.EndsWith($"CN={OwnDocuments.InstanceId}.local-1.aws.nitro-enclaves", Subject(chain[3]), StringComparison.Ordinal);
        Assert.EndsWith($"CN={OwnDocuments.ModuleId}.local-1.aws", Subject(chain[4]), StringComparison.Ordinal);
        Assert.All(chain, certificate => Assert.Equal("1.2.840.10045.4.3.3", certificate.SignatureAlgorithm.Value));
        Assert.All(chain, certificate => Assert.InRange(certificate.RawData.Length, 400, 1024));

        TimeSpan[] validities = [new(20, 1, 0, 0), TimeSpan.FromDays(6), TimeSpan.FromHours(24), new(0, 3, 0, 3)];
        Assert.Equal(validities, chain[1..].Select(certificate => certificate.NotAfter - certificate.NotBefore));
        int?[] pathLengths = [null, 2, 1, 0, null];
        Assert.Equal(pathLengths, chain.Select(PathLength));

        // The serial number: the enclave's own id, then the second of issue, of which notBefore lies three before.
        var issue = new DateTimeOffset(chain[4].NotBefore).ToUnixTimeSeconds() + 3;
        Assert.Equal($"0199F00D12345678{issue.ToString("X16", CultureInfo.InvariantCulture)}".TrimStart('0'), chain[4].SerialNumber.TrimStart('0'));
        var usage = chain[4].Extensions.OfType<X509KeyUsageExtension>().Single();
        Assert.False(usage.Critical);
        Assert.Equal(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.NonRepudiation, usage.KeyUsages);
        Assert.Equal(X509KeyUsageFlags.KeyCertSign, chain[3].Extensions.OfType<X509KeyUsageExtension>().Single().KeyUsages);
    }

    [Fact]
    public void The_platform_builds_the_chain_as_well()
    {
        using var authority = AttestationAuthority.CreateEphemeral(_clock);
        using var issuer = authority.CreateIssuer();
        var document = UnverifiedAttestationDocument.Parse(issuer.Sign(OwnDocuments.Content()));
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(X509Certificate2.CreateFromPem(authority.ExportRootCertificatePem()));
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = TestClock.Noon.UtcDateTime;
        foreach (var certificate in document.CaBundle[1..])
        {
            chain.ChainPolicy.ExtraStore.Add(X509CertificateLoader.LoadCertificate(certificate.Span));
        }

        Assert.True(chain.Build(X509CertificateLoader.LoadCertificate(document.Certificate.Span)));
        Assert.Equal(5, chain.ChainElements.Count);
    }

    static string Subject(X509Certificate2 certificate) => certificate.SubjectName.Decode(X500DistinguishedNameFlags.None);

    static int? PathLength(X509Certificate2 certificate)
    {
        var constraints = certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single();
        return constraints.HasPathLengthConstraint ? constraints.PathLengthConstraint : null;
    }

    static string[] Bundle(AttestationAuthority authority)
    {
        using var issuer = authority.CreateIssuer();
        var document = UnverifiedAttestationDocument.Parse(issuer.Sign(OwnDocuments.Content()));
        return [.. document.CaBundle.Select(certificate => Convert.ToHexString(certificate.Span))];
    }
}
