using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

/// <summary>
/// What identifies an image: PCR0, 1 and 2 together. The sections of an image are hashed one after the other without their lengths,
/// so that bytes can move between neighbouring sections without a change of PCR0; only the three fix all of them.
/// </summary>
public readonly record struct ImageMeasurements
{
    /// <summary>Takes the three values, as <c>nitro build-enclave</c> and <c>nitro-cli build-enclave</c> print them.</summary>
    /// <param name="pcr0">The whole image.</param>
    /// <param name="pcr1">Kernel, command line and first ramdisk.</param>
    /// <param name="pcr2">The other ramdisks: the application.</param>
    /// <exception cref="ArgumentException">A value is zero, which is what every enclave in debug mode shows.</exception>
    public ImageMeasurements(PcrValue pcr0, PcrValue pcr1, PcrValue pcr2)
    {
        Pcr0 = AttestationPolicy.NotZero(pcr0, Pcr.Image);
        Pcr1 = AttestationPolicy.NotZero(pcr1, Pcr.KernelAndBoot);
        Pcr2 = AttestationPolicy.NotZero(pcr2, Pcr.Application);
    }

    /// <summary>The whole image.</summary>
    public PcrValue Pcr0 { get; }

    /// <summary>Kernel, command line and first ramdisk.</summary>
    public PcrValue Pcr1 { get; }

    /// <summary>The other ramdisks: the application.</summary>
    public PcrValue Pcr2 { get; }
}
