using NitroEnclaves.Attestation;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>
/// Attestation documents, parsed and verified. The seeds are documents of a local authority; a changed one may pass only if it
/// states the same as one of them.
/// </summary>
sealed class DocumentFuzzTarget : IFuzzTarget
{
    /// <summary>When the certificates of the seeds were valid.</summary>
    static readonly DateTimeOffset Moment = new(2026, 3, 4, 12, 0, 1, TimeSpan.Zero);

    static readonly AttestationPolicy Policy = AttestationPolicy.SignatureAndChainOnly.AllowingDebugMode();

    readonly AttestationVerifier _verifier = new(new() { Roots = [AttestationRoot.FromCertificate(Corpus.Files("attestation", ".pem")[0])] });
    readonly HashSet<string> _signed;

    public DocumentFuzzTarget()
    {
        Seeds = Corpus.Files("attestation", ".bin");
        if (Seeds.Any(seed => !_verifier.VerifyAt(seed, Policy, Moment).IsVerified))
        {
            throw new InvalidOperationException("A document of the corpus does not verify: nothing that follows would be reached.");
        }

        _signed = [.. Seeds.Select(seed => Convert.ToHexString(UnverifiedAttestationDocument.Parse(seed).Payload.Span))];
    }

    public string Name => "document";

    public IEnumerable<byte[]> Seeds { get; }

    public void Run(ReadOnlySpan<byte> input)
    {
        var result = _verifier.VerifyAt(input, Policy, Moment);
        UnverifiedAttestationDocument document;
        try
        {
            document = UnverifiedAttestationDocument.Parse(input);
        }
        catch (AttestationException exception) when (exception.Failure == result.Failure)
        {
            return;
        }

        if (result.IsVerified && !_signed.Contains(Convert.ToHexString(document.Payload.Span)))
        {
            throw new InvalidOperationException("A payload was accepted that nobody signed.");
        }
    }
}
