using NitroEnclaves.Nsm;

namespace NitroEnclaves.Hosting;

/// <summary>How a service uses the enclave it runs in.</summary>
public sealed class NitroEnclaveOptions
{
    /// <summary>The NSM's device file, absolute.</summary>
    public string NsmPath { get; set; } = NsmDevice.DefaultPath;

    /// <summary>How old the certificates of attested TLS become before the next takes its place, above zero and up to two hours.</summary>
    public TimeSpan CertificateRenewal { get; set; } = AttestedCertificateSource.DefaultRenewal;

    /// <summary>What becomes of each rule of the guard.</summary>
    public EnclaveGuardOptions Guard { get; } = new();
}
