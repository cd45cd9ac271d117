using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves;

/// <summary>What an enclave is started from, open for its whole life: an image, or a folder, of which nothing is measured.</summary>
sealed class EnclaveSource : IDisposable
{
    /// <summary>The measurements of what was not measured: zeros.</summary>
    public static readonly EifMeasurements Unmeasured = new(PcrValue.Zero, PcrValue.Zero, PcrValue.Zero);

    readonly RootFolder? _folder;

    EnclaveSource(EifFile? image, RootFolder? folder) => (Image, _folder) = (image, folder);

    /// <summary>The image; null for a folder.</summary>
    public EifFile? Image { get; }

    /// <summary>The image's length in bytes; 0 for a folder, whose files may change until they are read.</summary>
    public long Length => Image?.Length ?? 0;

    /// <summary>Opens what the options name.</summary>
    /// <exception cref="EnclaveException">A file cannot be read or is no image, or the folder does not exist.</exception>
    public static EnclaveSource Open(EnclaveOptions options) => options.RootFolder is not { } folder
        ? new EnclaveSource(EnclaveImages.Open(options), null)
        : Directory.Exists(folder.Path)
            ? new EnclaveSource(null, folder)
            : throw new EnclaveException(EnclaveFailure.FileOperation, $"The folder {folder.Path} does not exist, or is none.");

    /// <summary>Measures an image and checks its checksum; a folder, of which nothing is measured, has zero in every register.</summary>
    /// <exception cref="EnclaveException">The image changed or its checksum is wrong (<see cref="EnclaveFailure.InvalidImage"/>).</exception>
    public EifMeasurements Measure(CancellationToken cancellationToken) =>
        Image is null ? Unmeasured : EnclaveImages.Measure(Image, cancellationToken);

    /// <summary>
    /// Refuses an image that must not run: one whose checksum is wrong, or whose signature does not hold now. What may run is measured beside
    /// its start, as nothing but its NSM depends on that; a signed image, whose signature does, before.
    /// </summary>
    /// <returns>The measurements to come.</returns>
    /// <exception cref="EnclaveException">The checksum is wrong, or the signature does not hold (<see cref="EnclaveFailure.Signature"/>).</exception>
    public SourceMeasurement Admit(DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (Image is null)
        {
            return new SourceMeasurement(Unmeasured);
        }

        if (Image.Signature is null)
        {
            EnclaveImages.CheckChecksum(Image, cancellationToken);
            return new SourceMeasurement(Measure, cancellationToken);
        }

        var measurements = Measure(cancellationToken);
        EnclaveImages.CheckSignature(Image, measurements, now);
        return new SourceMeasurement(measurements);
    }

    /// <summary>What there is to say of the measurements in a line.</summary>
    public string Describe(EifMeasurements measurements) => _folder is { } folder ? $"{folder.Path} is not measured." : $"The image measures PCR0 {measurements.Pcr0}.";

    /// <inheritdoc/>
    public void Dispose() => Image?.Dispose();
}
