using System.Security.Cryptography;

namespace NitroEnclaves.Attestation;

/// <summary>
/// A root of one's own with a chain below it in the profile of AWS's, for documents of emulated enclaves. Whoever trusts it,
/// trusts everybody who can read its folder: it is for development and tests.
/// </summary>
/// <remarks>
/// The root stays; regional and zonal certificates are renewed before what they issue could outlive them.
/// Processes may share a folder. Instances can be used by several threads.
/// </remarks>
public sealed class AttestationAuthority : IDisposable
{
    const string RootFile = "root.pem";
    const string RegionalFile = "regional.pem";
    const string ZonalFile = "zonal.pem";

    readonly Lock _lock = new();
    readonly AuthorityFolder? _folder;
    readonly CertifiedKey _root;
    CertifiedKey? _regional;
    CertifiedKey? _zonal;

    AttestationAuthority(AuthorityFolder? folder, CertifiedKey root, TimeProvider timeProvider)
    {
        _folder = folder;
        _root = root;
        TimeProvider = timeProvider;
        Root = AttestationRoot.FromSha256(SHA256.HashData(root.Certificate));
    }

    /// <summary>
    /// <c>$XDG_DATA_HOME/nitro-enclaves/authority</c>, or the same below <c>~/.local/share</c>: the authority of this user.
    /// </summary>
    public static string DefaultFolder => Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        "nitro-enclaves",
        "authority");

    /// <summary>The root, for <see cref="AttestationVerifierOptions.Roots"/>.</summary>
    public AttestationRoot Root { get; }

    /// <summary>The root's certificate, DER.</summary>
    public ReadOnlyMemory<byte> RootCertificate => _root.Certificate;

    internal TimeProvider TimeProvider { get; }

    /// <summary>Opens the authority kept in a folder, creating folder and root where they are not there.</summary>
    /// <param name="folder">The folder, for its owner alone (mode 0700); created so.</param>
    /// <param name="timeProvider">The clock of certificates; the system's by default.</param>
    /// <exception cref="UnauthorizedAccessException">Others can read the folder or a file in it.</exception>
    /// <exception cref="InvalidDataException">A file of the folder is not what was written there.</exception>
    /// <exception cref="IOException">The folder cannot be read or written.</exception>
    public static AttestationAuthority OpenOrCreate(string folder, TimeProvider? timeProvider = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        timeProvider ??= TimeProvider.System;
        var files = new AuthorityFolder(folder);
        var root = files.TryRead(RootFile);
        if (root is null)
        {
            root = CertificateProfile.CreateRoot(timeProvider.GetUtcNow());
            if (!files.TryCreate(RootFile, root))
            {
                // Another process was faster: its root is the authority's.
                root.Dispose();
                root = files.TryRead(RootFile) ?? throw new IOException($"{RootFile} came and went in {folder}.");
            }
        }

        return new AttestationAuthority(files, root, timeProvider);
    }

    /// <summary>Creates an authority that lives as long as this object and is kept nowhere.</summary>
    /// <param name="timeProvider">The clock of certificates; the system's by default.</param>
    public static AttestationAuthority CreateEphemeral(TimeProvider? timeProvider = null)
    {
        timeProvider ??= TimeProvider.System;
        return new AttestationAuthority(null, CertificateProfile.CreateRoot(timeProvider.GetUtcNow()), timeProvider);
    }

    /// <summary>The root's certificate as PEM text, as <c>nitro attest verify --root</c> takes it.</summary>
    public string ExportRootCertificatePem() => PemEncoding.WriteString("CERTIFICATE", _root.Certificate) + "\n";

    /// <summary>Creates an issuer of documents for an NSM. It uses this authority, which has to stay.</summary>
    /// <param name="form">The form of the payload.</param>
    public AttestationDocumentIssuer CreateIssuer(AttestationDocumentForm form = AttestationDocumentForm.DefiniteLength) => new(this, form);

    /// <summary>Forgets the keys; their files stay.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _zonal?.Dispose();
            _regional?.Dispose();
            _root.Dispose();
        }
    }

    /// <summary>Certifies a key for the instance, with the chain above it: root, regional, zonal.</summary>
    internal (CertifiedKey Instance, byte[][] Above) IssueInstance(string instanceId)
    {
        lock (_lock)
        {
            var now = TimeProvider.GetUtcNow();
            _regional = Current(_regional, RegionalFile, _root, CertificateProfile.ZonalValidity, CertificateProfile.CreateRegional, now);
            _zonal = Current(_zonal, ZonalFile, _regional, CertificateProfile.InstanceValidity, CertificateProfile.CreateZonal, now);
            var instance = CertificateProfile.CreateInstance(_zonal, instanceId, now);
            return (instance, [_root.Certificate, _regional.Certificate, _zonal.Certificate]);
        }
    }

    /// <summary>A certificate that outlives what it is to issue: the one at hand, the folder's, or a new one.</summary>
    CertifiedKey Current(
        CertifiedKey? held,
        string file,
        CertifiedKey issuer,
        TimeSpan needed,
        Func<CertifiedKey, DateTimeOffset, CertifiedKey> create,
        DateTimeOffset now)
    {
        foreach (var candidate in Candidates())
        {
            if (candidate is not null && candidate.IsValid(now, needed) && candidate.IsIssuedBy(issuer))
            {
                return candidate;
            }

            candidate?.Dispose();
        }

        var created = create(issuer, now);
        _folder?.Replace(file, created);
        return created;

        IEnumerable<CertifiedKey?> Candidates()
        {
            yield return held;
            yield return _folder?.TryRead(file);
        }
    }
}
