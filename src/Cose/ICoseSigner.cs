namespace NitroEnclaves.Cose;

/// <summary>
/// A private key, wherever it lives: in the process (<see cref="ECDsaCoseSigner"/>), in a key management service, in a token.
/// </summary>
public interface ICoseSigner
{
    /// <summary>The algorithm, which goes into the protected header.</summary>
    CoseAlgorithm Algorithm { get; }

    /// <summary>Signs a hash.</summary>
    /// <param name="hash">The hash, of the algorithm's <see cref="CoseAlgorithmExtensions.GetHashLength"/>.</param>
    /// <param name="signature">
    /// Receives r‖s, each half padded with zeros on the left; exactly <see cref="CoseAlgorithmExtensions.GetSignatureLength"/>.
    /// </param>
    void SignHash(ReadOnlySpan<byte> hash, Span<byte> signature);
}
