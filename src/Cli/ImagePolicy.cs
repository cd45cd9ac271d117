using NitroEnclaves.Attestation;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli;

/// <summary>The policy that expects an image.</summary>
static class ImagePolicy
{
    /// <summary>PCR0, 1 and 2 of an image file, measured now.</summary>
    /// <exception cref="EifException">The file is no acceptable image.</exception>
    public static AttestationPolicy Of(string eifPath)
    {
        using var image = EifFile.Open(eifPath);
        return AttestationPolicy.ForImage(image.Measure().ToImageMeasurements());
    }
}
