using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Hosting;
using NitroEnclaves.Vsock;

if (args is not [var cidText, var policyPath, .. var rest] || rest.Length > 2 || !uint.TryParse(cidText, NumberStyles.None, CultureInfo.InvariantCulture, out var cid))
{
    Console.Error.WriteLine("Usage: AttestedTls.Client CID POLICY.json [PATH [ROOT.pem]]");
    Console.Error.WriteLine("With a root certificate the enclave is an emulated one of this user, else a real one under AWS's root.");
    return 2;
}

var rootPath = rest.ElementAtOrDefault(1);
var verifier = rootPath is null
    ? new AttestationVerifier()
    : new AttestationVerifier(new AttestationVerifierOptions { Roots = [AttestationRoot.FromCertificate(X509CertificateLoader.LoadCertificateFromFile(rootPath))] });
var client = new AttestedTlsClient(verifier, AttestationPolicy.Parse(File.ReadAllBytes(policyPath)), Print);
var connector = rootPath is null
    ? VsockConnector.Default
    : new VsockConnector(new VsockOptions { Resolvers = [new EnclaveVsockResolver(new EnclaveRegistry())] });

using var http = new HttpClient(client.Secure(VsockHttpHandler.CreateSocketsHandler(connector)));
try
{
    Console.Write(await http.GetStringAsync(new Uri($"https://{cid}.vsock:8443{rest.ElementAtOrDefault(0) ?? "/"}")));
    return 0;
}
catch (HttpRequestException exception)
{
    Console.Error.WriteLine(exception.InnerException is AttestationException refused
        ? $"refused ({refused.Failure}): {refused.Message}"
        : exception.InnerException?.Message ?? exception.Message);
    return 1;
}

static void Print(VerifiedAttestation enclave) =>
    Console.Error.WriteLine($"TLS ends in {enclave.ModuleId}, PCR0 {enclave.Pcrs[0].ToString()[..16]}..., document of {enclave.Timestamp:u}");
