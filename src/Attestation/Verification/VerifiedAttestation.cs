using System.Collections.Immutable;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

/// <summary>
/// What a genuine document states: its signature and chain were verified up to a trusted root, and it met its policy.
/// Only <see cref="AttestationVerifier"/> makes instances.
/// </summary>
/// <remarks>
/// Genuine is not secret and not unique: whoever sees a document can show it again, and its signature can be rewritten into
/// another valid one. Tell documents apart by their nonce, never by a hash of the document.
/// </remarks>
public sealed class VerifiedAttestation
{
    readonly UnverifiedAttestationDocument _document;

    internal VerifiedAttestation(
        UnverifiedAttestationDocument document,
        DerCertificate leaf,
        AttestationPolicy policy,
        string rootSha256,
        DateTimeOffset verifiedFor)
    {
        _document = document;
        CertificateNotAfter = leaf.NotAfter;
        Policy = policy;
        RootSha256 = rootSha256;
        VerifiedFor = verifiedFor;
    }

    /// <inheritdoc cref="UnverifiedAttestationDocument.ModuleId"/>
    public string ModuleId => _document.ModuleId;

    /// <summary>The parent instance's id: the part of <see cref="ModuleId"/> before <c>-enc</c>. PCR4 agrees with it.</summary>
    public string InstanceId => _document.ModuleId[.._document.ModuleId.IndexOf(AttestationPayload.EnclaveMark, StringComparison.Ordinal)];

    /// <inheritdoc cref="UnverifiedAttestationDocument.Timestamp"/>
    public DateTimeOffset Timestamp => _document.Timestamp;

    /// <inheritdoc cref="UnverifiedAttestationDocument.Pcrs"/>
    public ImmutableSortedDictionary<int, PcrValue> Pcrs => _document.Pcrs;

    /// <inheritdoc cref="UnverifiedAttestationDocument.PublicKey"/>
    public ReadOnlyMemory<byte>? PublicKey => _document.PublicKey;

    /// <inheritdoc cref="UnverifiedAttestationDocument.UserData"/>
    public ReadOnlyMemory<byte>? UserData => _document.UserData;

    /// <inheritdoc cref="UnverifiedAttestationDocument.Nonce"/>
    public ReadOnlyMemory<byte>? Nonce => _document.Nonce;

    /// <summary>Whether the enclave runs in debug mode. Only a policy that allows it lets such a document pass.</summary>
    public bool IsDebugMode => _document.IsDebugMode;

    /// <summary>When the leaf certificate expires, at most three hours after it was issued: a session should not outlive it.</summary>
    public DateTimeOffset CertificateNotAfter { get; }

    /// <summary>The SHA-256 of the trusted root's certificate that the chain begins with: 64 lower-case hexadecimal digits.</summary>
    public string RootSha256 { get; }

    /// <summary>The policy that the document met. What it does not expect was not compared with anything.</summary>
    public AttestationPolicy Policy { get; }

    /// <summary>The moment for which the certificates were valid.</summary>
    public DateTimeOffset VerifiedFor { get; }
}
