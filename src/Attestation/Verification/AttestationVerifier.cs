using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

/// <summary>
/// Verifies attestation documents: form, certificate chain, signature, agreement of the claims with each other and with
/// the certificate, then a policy. The first check that fails ends the verification and names itself; nothing is assumed.
/// </summary>
/// <remarks>
/// Instances are meant to be kept, for the certificates that they remember, and can be used by several threads.
/// Revocation is not looked up: AWS instructs verifiers not to, and leaf certificates live for three hours.
/// </remarks>
public sealed class AttestationVerifier
{
    readonly CertificateChain _chain;
    readonly TimeProvider _timeProvider;
    readonly AttestationLimits _limits;

    /// <summary>Creates a verifier.</summary>
    /// <param name="options">Roots, clock and limits; by default AWS's root, the system's clock, AWS's rules.</param>
    /// <exception cref="ArgumentException">There is no root among the options, or the cache's capacity is negative.</exception>
    public AttestationVerifier(AttestationVerifierOptions? options = null)
    {
        options ??= new AttestationVerifierOptions();
        if (options.Roots.Count == 0)
        {
            throw new ArgumentException("A verifier without a root could verify nothing.", nameof(options));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(options.CertificateCacheCapacity, nameof(options));
        _chain = new CertificateChain([.. options.Roots], new CertificateCache(options.CertificateCacheCapacity));
        _timeProvider = options.TimeProvider;
        _limits = options.Limits;
    }

    /// <summary>Verifies a document of a live exchange: its certificates have to be valid now.</summary>
    /// <param name="document">The document, as it was received.</param>
    /// <param name="policy">What is expected of it.</param>
    /// <exception cref="ArgumentNullException"><paramref name="policy"/> is null.</exception>
    public AttestationResult Verify(ReadOnlySpan<byte> document, AttestationPolicy policy) =>
        VerifyAt(document, policy, _timeProvider.GetUtcNow());

    /// <summary>
    /// Verifies a document kept as evidence: its certificates have to be valid at a given moment, and its age is counted up to it.
    /// </summary>
    /// <param name="document">The document, as it was received.</param>
    /// <param name="policy">What is expected of it.</param>
    /// <param name="moment">
    /// When the evidence was taken, from a source that its bringer does not control. The document's own timestamp says when it was
    /// made and is as genuine as the rest of it, but proves nothing about when it was received.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="policy"/> is null.</exception>
    public AttestationResult VerifyAt(ReadOnlySpan<byte> document, AttestationPolicy policy, DateTimeOffset moment)
    {
        ArgumentNullException.ThrowIfNull(policy);
        try
        {
            var unverified = UnverifiedAttestationDocument.Parse(document, _limits);
            var leaf = _chain.Verify(unverified, moment);
            if (!unverified.IsSignedBy(leaf.Key))
            {
                throw new AttestationException(
                    AttestationFailure.Signature,
                    "The signature of the document is not that of its certificate.");
            }

            CheckAgreement(unverified, leaf.Certificate);
            policy.Check(unverified, moment);
            return new AttestationResult(new VerifiedAttestation(unverified, leaf.Certificate, policy, leaf.RootSha256, moment));
        }
        catch (AttestationException exception)
        {
            return new AttestationResult(exception.Failure, exception.Message);
        }
    }

    /// <summary>Module id, leaf and PCR4 name the same instance; in genuine documents they always do.</summary>
    static void CheckAgreement(UnverifiedAttestationDocument document, DerCertificate leaf)
    {
        // CN = <module id>.<region>.aws
        if (!leaf.SubjectCommonName.StartsWith(document.ModuleId + ".", StringComparison.Ordinal))
        {
            throw new AttestationException(
                AttestationFailure.ModuleIdMismatch,
                $"The certificate was issued to {leaf.SubjectCommonName}, the document names {document.ModuleId}.");
        }

        var mark = document.ModuleId.IndexOf(AttestationPayload.EnclaveMark, StringComparison.Ordinal);
        if (document.Pcrs.TryGetValue(Pcr.ParentInstance, out var pcr4) && pcr4 != PcrValue.OfInstance(document.ModuleId[..mark]))
        {
            throw new AttestationException(
                AttestationFailure.InstanceMismatch,
                $"PCR4 is not that of the instance {document.ModuleId[..mark]}, which the document names.");
        }
    }
}
