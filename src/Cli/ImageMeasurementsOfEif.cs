using NitroEnclaves.Attestation;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli;

/// <summary>From what an image measures to what a policy expects.</summary>
static class ImageMeasurementsOfEif
{
    public static ImageMeasurements ToImageMeasurements(this EifMeasurements measurements) =>
        new(measurements.Pcr0, measurements.Pcr1, measurements.Pcr2);
}
