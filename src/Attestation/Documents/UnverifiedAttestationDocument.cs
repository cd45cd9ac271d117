using System.Collections.Immutable;
using System.Security.Cryptography;
using NitroEnclaves.Cose;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

/// <summary>
/// What a document claims, well-formed and not verified: anybody may have written it. Decide nothing by it;
/// <see cref="AttestationVerifier"/> turns a document into a <see cref="VerifiedAttestation"/>.
/// </summary>
public sealed class UnverifiedAttestationDocument
{
    readonly byte[] _document;
    readonly AttestationPayload _payload;

    UnverifiedAttestationDocument(byte[] document, AttestationPayload payload, bool isTagged)
    {
        _document = document;
        _payload = payload;
        IsTagged = isTagged;
    }

    /// <summary>
    /// The name of the NSM: <c>i-&lt;17 hex&gt;-enc&lt;16 hex&gt;</c>. The part before <c>-enc</c> is the parent instance's id.
    /// </summary>
    public string ModuleId => _payload.ModuleId;

    /// <summary>When the document was made, to the millisecond.</summary>
    public DateTimeOffset Timestamp => _payload.Timestamp;

    /// <summary>The locked registers, by index 0 to 31.</summary>
    public ImmutableSortedDictionary<int, PcrValue> Pcrs => _payload.Pcrs;

    /// <summary>The leaf certificate, DER.</summary>
    public ReadOnlyMemory<byte> Certificate => _payload.Certificate;

    /// <summary>The chain from the root to the leaf's issuer, each DER.</summary>
    public ImmutableArray<ReadOnlyMemory<byte>> CaBundle => _payload.CaBundle;

    /// <summary>The requester's public key, in whatever form it chose; null where it gave none.</summary>
    public ReadOnlyMemory<byte>? PublicKey => _payload.PublicKey;

    /// <summary>The requester's data, possibly empty; null where it gave none.</summary>
    public ReadOnlyMemory<byte>? UserData => _payload.UserData;

    /// <summary>The requester's nonce, possibly empty; null where it gave none.</summary>
    public ReadOnlyMemory<byte>? Nonce => _payload.Nonce;

    /// <summary>Whether the document claims debug mode: PCR0, 1 or 2 is zero. Such documents are genuine and prove no image.</summary>
    public bool IsDebugMode => _payload.IsDebugMode;

    /// <summary>Whether COSE's tag 18 stands before the document. Hardware writes none.</summary>
    public bool IsTagged { get; }

    /// <summary>Whether the payload is a map of indefinite length, as hardware writes it since 2025.</summary>
    public bool HasIndefiniteLength => _payload.HasIndefiniteLength;

    /// <summary>The payload as received.</summary>
    public ReadOnlyMemory<byte> Payload => _payload.Encoded;

    /// <summary>Reads a document of any of the forms that hardware writes.</summary>
    /// <param name="document">The document and nothing else. It is copied.</param>
    /// <param name="limits">The sizes that are accepted; AWS's rules by default.</param>
    /// <exception cref="AttestationException">
    /// The document is malformed; the failure is one of those up to <see cref="AttestationFailure.NonceField"/>.
    /// </exception>
    public static UnverifiedAttestationDocument Parse(ReadOnlySpan<byte> document, AttestationLimits? limits = null)
    {
        limits ??= AttestationLimits.Default;
        if (document.IsEmpty || document.Length > limits.DocumentLength)
        {
            throw new AttestationException(
                AttestationFailure.DocumentLength,
                $"The document has {document.Length} bytes; 1 to {limits.DocumentLength} are accepted.");
        }

        var copy = document.ToArray();
        var message = ParseEnvelope(copy);
        if (message.Payload.IsEmpty || message.Payload.Length > limits.PayloadLength)
        {
            throw new AttestationException(
                AttestationFailure.PayloadLength,
                $"The payload has {message.Payload.Length} bytes; 1 to {limits.PayloadLength} are accepted.");
        }

        copy.AsSpan().Overlaps(message.Payload, out var offset);
        var payload = AttestationPayload.Parse(copy.AsMemory(offset, message.Payload.Length), limits);
        return new UnverifiedAttestationDocument(copy, payload, message.IsTagged);
    }

    internal bool IsSignedBy(ECDsa key) => CoseSign1Message.Parse(_document).VerifyOnCurve(key);

    static CoseSign1Message ParseEnvelope(ReadOnlySpan<byte> document)
    {
        CoseSign1Message message;
        try
        {
            message = CoseSign1Message.Parse(document);
        }
        catch (CoseException exception)
        {
            throw new AttestationException(Failure(exception.Error), exception.Message, exception);
        }

        if (message.Algorithm != CoseAlgorithm.ES384)
        {
            throw new AttestationException(AttestationFailure.Algorithm, $"The algorithm is {message.Algorithm}, not ES384.");
        }

        if (!message.IsUnprotectedHeaderEmpty)
        {
            throw new AttestationException(AttestationFailure.UnprotectedHeader, "The unprotected header is not empty.");
        }

        return message;
    }

    static AttestationFailure Failure(CoseError error) => error switch
    {
        CoseError.ProtectedHeader or CoseError.UnsupportedAlgorithm => AttestationFailure.Algorithm,
        CoseError.UnprotectedHeader => AttestationFailure.UnprotectedHeader,
        CoseError.SignatureLength => AttestationFailure.SignatureLength,
        CoseError.TrailingData => AttestationFailure.EnvelopeTrailingData,
        _ => AttestationFailure.Envelope,
    };
}
