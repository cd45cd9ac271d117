using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace NitroEnclaves.Hosting;

/// <summary>The server's side of attested TLS, for Kestrel.</summary>
public static class AttestedTlsListenOptionsExtensions
{
    // Kestrel's ten seconds are for handshakes alone. The first one here makes a key and a document, and an emulated enclave may be slow at all of it.
    static readonly TimeSpan s_handshakePatience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Has an end point speak HTTPS with the certificates of the <see cref="AttestedCertificateSource"/> in the service's container, where
    /// <c>AddNitroEnclave</c> has put it. The first handshake makes it: the guard comes before any use of
    /// the NSM. A handshake may take 30 seconds.
    /// </summary>
    /// <param name="listen">The end point, over vsock or anything else.</param>
    /// <param name="configure">Changes other options of HTTPS; null leaves them.</param>
    public static ListenOptions UseAttestedHttps(this ListenOptions listen, Action<HttpsConnectionAdapterOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(listen);
        var services = listen.ApplicationServices;
        return UseAttestedHttps(listen, services.GetRequiredService<AttestedCertificateSource>, configure);
    }

    /// <summary>Has an end point speak HTTPS with a certificate that carries an attestation document about its own key.</summary>
    /// <param name="listen">The end point, over vsock or anything else.</param>
    /// <param name="certificates">Where the certificates come from; to be disposed of after the server.</param>
    /// <param name="configure">Changes other options of HTTPS; null leaves them.</param>
    public static ListenOptions UseAttestedHttps(
        this ListenOptions listen, AttestedCertificateSource certificates, Action<HttpsConnectionAdapterOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(listen);
        ArgumentNullException.ThrowIfNull(certificates);
        return UseAttestedHttps(listen, () => certificates, configure);
    }

    static ListenOptions UseAttestedHttps(
        ListenOptions listen, Func<AttestedCertificateSource> certificates, Action<HttpsConnectionAdapterOptions>? configure)
    {
        HomeFolder.Ensure();
        return listen.UseHttps(https =>
        {
            https.HandshakeTimeout = s_handshakePatience;
            configure?.Invoke(https);
            https.ServerCertificateSelector = (_, _) => certificates().Current;
        });
    }
}
