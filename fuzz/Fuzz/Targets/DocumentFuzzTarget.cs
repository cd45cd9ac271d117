using System.Collections.Immutable;
using NitroEnclaves.Attestation;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>
/// Attestation documents, parsed and verified. The seeds are documents of a local authority; a changed one may pass only if it
/// states the same as one of them.
/// </summary>
sealed class DocumentFuzzTarget : IFuzzTarget
{
    static readonly DateTimeOffset Moment = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    static readonly AttestationPolicy Policy = AttestationPolicy.SignatureAndChainOnly.AllowingDebugMode();

    readonly AttestationVerifier _verifier;
    readonly HashSet<string> _signed = [];

    public DocumentFuzzTarget()
    {
        using var authority = AttestationAuthority.CreateEphemeral(new FixedClock());
        _verifier = new AttestationVerifier(new() { Roots = [authority.Root], TimeProvider = new FixedClock() });
        using var definite = authority.CreateIssuer();
        using var indefinite = authority.CreateIssuer(AttestationDocumentForm.IndefiniteLength);
        var full = Content([1, 2, 3], [4, 5, 6], [7, 8, 9]);
        var bare = Content(null, null, null);
        byte[] document = definite.Sign(full);
        Seeds = [document, indefinite.Sign(full), definite.Sign(bare), indefinite.Sign(bare), [0xD2, .. document]];
        foreach (var seed in Seeds)
        {
            _signed.Add(Convert.ToHexString(UnverifiedAttestationDocument.Parse(seed).Payload.Span));
        }
    }

    public string Name => "document";

    public IEnumerable<byte[]> Seeds { get; }

    public void Run(ReadOnlySpan<byte> input)
    {
        var result = _verifier.Verify(input, Policy);
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

    static AttestationDocumentContent Content(byte[]? nonce, byte[]? userData, byte[]? publicKey) => new()
    {
        ModuleId = "i-0123456789abcdef0-enc0123456789abcdef",
        Timestamp = Moment,
        Pcrs = Enumerable.Range(0, 16).ToImmutableSortedDictionary(
            index => index,
            index => index == Pcr.ParentInstance ? PcrValue.OfInstance("i-0123456789abcdef0") : PcrValue.Zero),
        Nonce = nonce,
        UserData = userData,
        PublicKey = publicKey,
    };

    sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Moment;
    }
}
