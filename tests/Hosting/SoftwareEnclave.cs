using NitroEnclaves.Attestation;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Hosting.Tests;

/// <summary>An enclave's NSM in memory, and what a verifier outside knows of it.</summary>
sealed class SoftwareEnclave : IDisposable
{
    public const string ModuleId = $"{InstanceId}-enc0000000000000001";

    const string InstanceId = "i-00000000000000001";

    readonly AttestationAuthority _authority = AttestationAuthority.CreateEphemeral();
    readonly AttestationDocumentIssuer _issuer;

    public SoftwareEnclave(bool debugMode = false)
    {
        _issuer = _authority.CreateIssuer();
        Measured = new ImageMeasurements(PcrValue.OfContent("a"u8), PcrValue.OfContent("b"u8), PcrValue.OfContent("c"u8));
        Module = new NsmModule(new NsmModuleOptions
        {
            ModuleId = ModuleId,
            Signer = _issuer,
            Pcrs = debugMode
                ? new Dictionary<int, PcrValue> { [4] = PcrValue.OfInstance(InstanceId) }
                : new Dictionary<int, PcrValue> { [0] = Measured.Pcr0, [1] = Measured.Pcr1, [2] = Measured.Pcr2, [4] = PcrValue.OfInstance(InstanceId) },
        });
        Nsm = new NsmClient(Module);
        Verifier = new AttestationVerifier(new AttestationVerifierOptions { Roots = [_authority.Root] });
    }

    public NsmModule Module { get; }

    public NsmClient Nsm { get; }

    public ImageMeasurements Measured { get; }

    public AttestationVerifier Verifier { get; }

    public void Dispose()
    {
        Nsm.Dispose();
        _issuer.Dispose();
        _authority.Dispose();
    }
}
