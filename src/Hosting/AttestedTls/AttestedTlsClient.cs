using System.Net.Http;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using NitroEnclaves.Attestation;

namespace NitroEnclaves.Hosting;

/// <summary>
/// The client's side of attested TLS: accepts a server only where the document in its certificate is verified and states the very key of
/// the handshake. Names and certificate authorities do not matter; the enclave's measurements do.
/// </summary>
/// <remarks>
/// The handshake proves that the peer holds the key, the document that an enclave with the expected measurements made it. No nonce is
/// needed for that: a replayed document is of use only to whoever has its key.
/// </remarks>
public sealed class AttestedTlsClient
{
    /// <summary>How old a document may be where the policy does not say.</summary>
    public static readonly TimeSpan DefaultMaximumAge = TimeSpan.FromHours(3);

    readonly AttestationVerifier _verifier;
    readonly AttestationPolicy _policy;
    readonly Action<VerifiedAttestation>? _verified;

    /// <summary>Makes a client.</summary>
    /// <param name="verifier">Verifies documents.</param>
    /// <param name="policy">
    /// What is expected of the enclave. Public key and user data are set here; a nonce cannot be answered by a certificate.
    /// </param>
    /// <param name="verified">Is told of every server that is accepted, on the thread of the handshake; null for nobody.</param>
    /// <exception cref="ArgumentException">The policy expects a nonce, a public key or user data.</exception>
    public AttestedTlsClient(AttestationVerifier verifier, AttestationPolicy policy, Action<VerifiedAttestation>? verified = null)
    {
        ArgumentNullException.ThrowIfNull(verifier);
        ArgumentNullException.ThrowIfNull(policy);
        if (policy.Nonce is not null || policy.PublicKey is not null || policy.UserData is not null)
        {
            throw new ArgumentException("Attested TLS sets public key and user data of the policy itself, and has no nonce.", nameof(policy));
        }

        _verifier = verifier;
        _policy = (policy.MaximumAge is null ? policy.WithMaximumAge(DefaultMaximumAge) : policy).WithUserData(AttestedCertificate.Purpose);
        _verified = verified;
    }

    /// <summary>Verifies the certificate of a peer that has shown in a handshake that it holds the certificate's key.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <returns>The outcome; null where the certificate carries no document.</returns>
    public AttestationResult? Verify(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return AttestedCertificate.FindDocument(certificate) is { } document
            ? _verifier.Verify(document, _policy.WithPublicKey(certificate.PublicKey.ExportSubjectPublicKeyInfo()))
            : null;
    }

    /// <summary>For <see cref="SslClientAuthenticationOptions.RemoteCertificateValidationCallback"/> and its like.</summary>
    /// <returns>True: the server is accepted. One that is not ends the handshake with the exceptions below, so that its user learns why.</returns>
    /// <exception cref="AttestationException">The document is refused, for the reason that the exception has.</exception>
    /// <exception cref="AuthenticationException">The certificate carries no document.</exception>
    public bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        using var copy = certificate is null or X509Certificate2 ? null : new X509Certificate2(certificate);
        var result = ((certificate as X509Certificate2 ?? copy) is { } shown ? Verify(shown) : null)
            ?? throw new AuthenticationException("The server's certificate carries no attestation document.");
        var attestation = result.GetAttestation();
        _verified?.Invoke(attestation);
        return result.IsVerified;
    }

    /// <summary>Has a handler verify every server it connects to. Its other options, such as how it connects, stay as they are.</summary>
    /// <param name="handler">The handler, for example of <c>VsockHttpHandler.CreateSocketsHandler()</c>.</param>
    /// <returns>The same handler. Where it refuses a server, the reason is the <see cref="HttpRequestException"/>'s inner exception.</returns>
    public SocketsHttpHandler Secure(SocketsHttpHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        handler.SslOptions.RemoteCertificateValidationCallback = Validate;
        return handler;
    }
}
