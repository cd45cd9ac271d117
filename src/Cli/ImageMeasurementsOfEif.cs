using NitroEnclaves.Attestation;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli;

/// <summary>From what an image measures to what a policy expects.</summary>
static class ImageMeasurementsOfEif
{
    public static ImageMeasurements ToImageMeasurements(this EifMeasurements measurements) =>
        new(ToRegister(measurements.Pcr0), ToRegister(measurements.Pcr1), ToRegister(measurements.Pcr2));

    static Nsm.PcrValue ToRegister(PcrValue value) => new(value.Bytes);
}
