using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves;

/// <summary>What an enclave is started from, open for its whole life: an image, or a folder, of which nothing is measured.</summary>
sealed class EnclaveSource : IDisposable
{
    static readonly EifMeasurements s_unmeasured = new(PcrValue.Zero, PcrValue.Zero, PcrValue.Zero);

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
        Image is null ? s_unmeasured : EnclaveImages.Measure(Image, cancellationToken);

    /// <summary>Refuses a signed image whose signature does not hold now.</summary>
    /// <exception cref="EnclaveException">The signature does not hold (<see cref="EnclaveFailure.Signature"/>).</exception>
    public void CheckSignature(EifMeasurements measurements, DateTimeOffset now)
    {
        if (Image is not null)
        {
            EnclaveImages.CheckSignature(Image, measurements, now);
        }
    }

    /// <summary>What there is to say of the measurements in a line.</summary>
    public string Describe(EifMeasurements measurements) => _folder is { } folder ? $"{folder.Path}, not measured" : $"PCR0 {measurements.Pcr0}";

    /// <inheritdoc/>
    public void Dispose() => Image?.Dispose();
}
