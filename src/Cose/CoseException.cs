using System.Diagnostics.CodeAnalysis;

namespace NitroEnclaves.Cose;

/// <summary>Data is not a COSE_Sign1 of the kind that is signed here. A signature that does not verify is no exception.</summary>
public sealed class CoseException : FormatException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="error">What is wrong.</param>
    /// <param name="innerException">The CBOR error behind it, if there is one.</param>
    public CoseException(CoseError error, Exception? innerException = null)
        : base($"COSE_Sign1: {Describe(error)}{(innerException is null ? "." : $": {innerException.Message}")}", innerException) =>
        Error = error;

    /// <summary>What is wrong.</summary>
    public CoseError Error { get; }

    [DoesNotReturn]
    internal static void Throw(CoseError error) => throw new CoseException(error);

    static string Describe(CoseError error) => error switch
    {
        CoseError.Malformed => "not an array of protected header, unprotected header, payload and signature",
        CoseError.UnexpectedTag => "a tag other than 18",
        CoseError.ProtectedHeader => "the protected header is not exactly {1: algorithm}",
        CoseError.UnsupportedAlgorithm => "the algorithm is not ES256, ES384 or ES512",
        CoseError.UnprotectedHeader => "the unprotected header carries what only the protected one may",
        CoseError.DetachedPayload => "the payload is not in the message",
        CoseError.SignatureLength => "the signature has not the length of its algorithm",
        CoseError.TrailingData => "bytes follow the message",
        _ => error.ToString(),
    };
}
