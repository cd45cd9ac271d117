using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NitroEnclaves.Attestation;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Hosting.Tests;

/// <summary>Attested TLS between Kestrel and HttpClient: who is accepted, and who is not.</summary>
public sealed class AttestedTlsTests : IDisposable
{
    readonly SoftwareEnclave _enclave = new();

    public void Dispose() => _enclave.Dispose();

    [Fact]
    public async Task A_client_reaches_the_enclave_it_expects()
    {
        using var certificates = new AttestedCertificateSource(_enclave.Nsm);
        var accepted = new List<VerifiedAttestation>();
        Assert.Equal("hello", await GetAsync(certificates, new AttestedTlsClient(_enclave.Verifier, AttestationPolicy.ForImage(_enclave.Measured), accepted.Add)));
        Assert.Equal(SoftwareEnclave.ModuleId, Assert.Single(accepted).ModuleId);
    }

    [Fact]
    public async Task Another_image_is_refused_in_the_handshake()
    {
        using var certificates = new AttestedCertificateSource(_enclave.Nsm);
        var other = new ImageMeasurements(_enclave.Measured.Pcr0, _enclave.Measured.Pcr1, PcrValue.OfContent("other"u8));
        var client = new AttestedTlsClient(_enclave.Verifier, AttestationPolicy.ForImage(other), _ => Assert.Fail("It was accepted."));
        var exception = await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(certificates, client));
        Assert.Equal(AttestationFailure.ImageMismatch, Assert.IsType<AttestationException>(exception.InnerException).Failure);
    }

    [Fact]
    public void A_document_in_another_key_s_certificate_is_refused()
    {
        using var genuine = AttestedCertificate.Create(_enclave.Nsm);
        using var thief = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=nitro-enclave", thief, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509Extension(AttestedCertificate.ExtensionOid, AttestedCertificate.FindDocument(genuine)!, critical: false));
        using var stolen = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        Assert.True(Client().Verify(genuine)!.IsVerified);
        Assert.Equal(AttestationFailure.PublicKeyMismatch, Client().Verify(stolen)!.Failure);
    }

    [Fact]
    public void A_document_made_for_something_else_is_refused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var document = _enclave.Nsm.GetAttestationDocument(userData: [1], publicKey: key.ExportSubjectPublicKeyInfo());
        var request = new CertificateRequest("CN=nitro-enclave", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509Extension(AttestedCertificate.ExtensionOid, document, critical: false));
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        Assert.Equal(AttestationFailure.UserDataMismatch, Client().Verify(certificate)!.Failure);
    }

    [Fact]
    public void A_certificate_without_a_document_is_refused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=plain", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        Assert.Null(Client().Verify(certificate));
        Assert.Throws<AuthenticationException>(() => Client().Validate(this, certificate, null, default));
        Assert.Throws<AuthenticationException>(() => Client().Validate(this, null, null, default));
    }

    [Fact]
    public void A_debugged_enclave_is_refused()
    {
        using var debugged = new SoftwareEnclave(debugMode: true);
        using var certificate = AttestedCertificate.Create(debugged.Nsm);
        var client = new AttestedTlsClient(debugged.Verifier, AttestationPolicy.SignatureAndChainOnly);
        Assert.Equal(AttestationFailure.DebugMode, client.Verify(certificate)!.Failure);
    }

    [Fact]
    public void A_policy_with_a_nonce_cannot_be_met_by_a_certificate() => Assert.Throws<ArgumentException>(
        () => new AttestedTlsClient(_enclave.Verifier, AttestationPolicy.ForImage(_enclave.Measured).WithNonce(new byte[32])));

    [Fact]
    public async Task Certificates_are_renewed_beside_the_one_that_is_served()
    {
        var clock = new SettableClock();
        using var certificates = new AttestedCertificateSource(_enclave.Nsm, TimeSpan.FromMinutes(10), clock);
        var first = certificates.Current.Thumbprint;
        clock.Now += TimeSpan.FromMinutes(9);
        Assert.Equal(first, certificates.Current.Thumbprint);
        clock.Now += TimeSpan.FromMinutes(2);
        Assert.Equal(first, certificates.Current.Thumbprint);
        await certificates.Renewing;
        Assert.NotEqual(first, certificates.Current.Thumbprint);
        Assert.True(Client().Verify(certificates.Current)!.IsVerified);
    }

    [Fact]
    public async Task An_NSM_that_refuses_is_asked_again_a_minute_later()
    {
        var clock = new SettableClock();
        var transport = new FailingTransport(_enclave.Module);
        using var nsm = new NsmClient(transport);
        using var certificates = new AttestedCertificateSource(nsm, TimeSpan.FromMinutes(10), clock);
        var first = certificates.Current.Thumbprint;
        transport.Fails = true;
        clock.Now += TimeSpan.FromMinutes(11);
        _ = certificates.Current;
        await certificates.Renewing;
        var requests = transport.Requests;
        Assert.Equal(first, certificates.Current.Thumbprint);
        await certificates.Renewing;
        Assert.Equal(requests, transport.Requests);

        transport.Fails = false;
        clock.Now += TimeSpan.FromMinutes(1);
        _ = certificates.Current;
        await certificates.Renewing;
        Assert.NotEqual(first, certificates.Current.Thumbprint);
    }

    AttestedTlsClient Client() => new(_enclave.Verifier, AttestationPolicy.ForImage(_enclave.Measured));

    static async Task<string> GetAsync(AttestedCertificateSource certificates, AttestedTlsClient client)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseAttestedHttps(certificates)));
        await using var server = builder.Build();
        server.Run(context => context.Response.WriteAsync("hello"));
        await server.StartAsync(TestContext.Current.CancellationToken);
        var address = server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        using var http = new HttpClient(client.Secure(new SocketsHttpHandler()));
        return await http.GetStringAsync(new Uri(address), TestContext.Current.CancellationToken);
    }

    sealed class FailingTransport(INsmTransport inner) : INsmTransport
    {
        public bool Fails { get; set; }

        public int Requests { get; private set; }

        public int Exchange(ReadOnlySpan<byte> request, Span<byte> response)
        {
            Requests++;
            return Fails ? throw new IOException("The device does not answer.") : inner.Exchange(request, response);
        }
    }

    sealed class SettableClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
