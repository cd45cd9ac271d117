using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves;

/// <summary>Makes the software NSM of an emulated enclave: which register holds what (contracts, "PCRs").</summary>
static class EnclaveNsm
{
    /// <summary>The NSM of an enclave, whose requests wait until its image is measured.</summary>
    /// <param name="options">The enclave's options.</param>
    /// <param name="id">The enclave's id, which is the module's as well.</param>
    /// <param name="measurement">The image's measurements.</param>
    /// <param name="signer">Signs the attestation documents.</param>
    /// <param name="time">The documents' clock.</param>
    public static INsmTransport Create(
        EnclaveOptions options, EnclaveId id, SourceMeasurement measurement, IDocumentSigner signer, TimeProvider time)
    {
        return measurement.Result.IsCompletedSuccessfully
            ? Create(options, id, measurement.Result.Result, signer, time)
            : new AwaitedNsm(measurement, BootAsync());

        async Task<NsmModule> BootAsync() => Create(options, id, await measurement.Result.ConfigureAwait(false), signer, time);
    }

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
    public static IReadOnlyDictionary<int, PcrValue> Registers(EnclaveOptions options, EnclaveId id, EifMeasurements measurements)
    {
        var registers = new Dictionary<int, PcrValue> { [Pcr.ParentInstance] = PcrValue.OfInstance(id.InstanceId.ToString()) };
        if (options.ParentRoleArn is { } arn)
        {
            registers[Pcr.ParentRole] = PcrValue.OfRole(arn);
        }

        if (!options.DebugMode)
        {
            registers[Pcr.Image] = measurements.Pcr0;
            registers[Pcr.KernelAndBoot] = measurements.Pcr1;
            registers[Pcr.Application] = measurements.Pcr2;
            if (measurements.Pcr8 is { } certificate)
            {
                registers[Pcr.SigningCertificate] = certificate;
            }
        }

        return registers;
    }
}
