using NitroEnclaves.Images;
using NitroEnclaves.Nsm;
using NsmPcrValue = NitroEnclaves.Nsm.PcrValue;

namespace NitroEnclaves.Enclaves;

/// <summary>Makes the software NSM of an emulated enclave: which register holds what (contracts, "PCRs").</summary>
static class EnclaveNsm
{
    /// <summary>Boots a module for an enclave.</summary>
    /// <param name="options">The enclave's options.</param>
    /// <param name="id">The enclave's id, which is the module's as well.</param>
    /// <param name="measurements">The image's measurements.</param>
    /// <param name="signer">Signs the attestation documents.</param>
    /// <param name="time">The documents' clock.</param>
    public static NsmModule Create(
        EnclaveOptions options, EnclaveId id, EifMeasurements measurements, IDocumentSigner signer, TimeProvider time) => new(new NsmModuleOptions
        {
            ModuleId = id.ToString(),
            Pcrs = Registers(options, id, measurements),
            Signer = signer,
            TimeProvider = time,
        });

    /// <summary>
    /// The registers at boot: 0, 1, 2 and 8 from the image, but zero in debug mode, as real debug documents have them; 3 from the
    /// parent's role and 4 from its instance id in either mode.
    /// </summary>
    public static IReadOnlyDictionary<int, NsmPcrValue> Registers(EnclaveOptions options, EnclaveId id, EifMeasurements measurements)
    {
        var registers = new Dictionary<int, NsmPcrValue> { [Pcr.ParentInstance] = NsmPcrValue.OfInstance(id.InstanceId.ToString()) };
        if (options.ParentRoleArn is { } arn)
        {
            registers[Pcr.ParentRole] = NsmPcrValue.OfRole(arn);
        }

        if (!options.DebugMode)
        {
            registers[Pcr.Image] = new NsmPcrValue(measurements.Pcr0.Bytes);
            registers[Pcr.KernelAndBoot] = new NsmPcrValue(measurements.Pcr1.Bytes);
            registers[Pcr.Application] = new NsmPcrValue(measurements.Pcr2.Bytes);
            if (measurements.Pcr8 is { } certificate)
            {
                registers[Pcr.SigningCertificate] = new NsmPcrValue(certificate.Bytes);
            }
        }

        return registers;
    }
}
