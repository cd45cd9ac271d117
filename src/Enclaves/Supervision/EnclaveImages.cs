using Microsoft.Win32.SafeHandles;
using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves;

/// <summary>Opens what an enclave is started from: an image file, or a kernel and ramdisks that are put together to one on the fly.</summary>
static class EnclaveImages
{
    /// <summary>Opens the image; the caller closes it.</summary>
    /// <exception cref="EnclaveException">A file cannot be read, or is no image.</exception>
    public static EifFile Open(EnclaveOptions options)
    {
        var path = options.EifPath ?? options.KernelPath!;
        try
        {
            return options.EifPath is not null ? EifFile.Open(path) : PutTogether(options);
        }
        catch (EifException exception)
        {
            throw new EnclaveException(EnclaveFailure.InvalidImage, $"{path} is not an enclave image: {exception.Message}", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EnclaveException(
                EnclaveFailure.FileOperation, $"Failed to open the EIF file: {exception.Message} File: '{path}', failing operation: 'Open'.", exception);
        }
    }

    /// <summary>Checks the image's checksum.</summary>
    /// <exception cref="EnclaveException">It is wrong, or the file changed (<see cref="EnclaveFailure.InvalidImage"/>).</exception>
    public static void CheckChecksum(EifFile image, CancellationToken cancellationToken) => Read(() =>
    {
        image.CheckChecksum(cancellationToken);
        return true;
    });

    /// <summary>Measures the image and checks its checksum.</summary>
    /// <exception cref="EnclaveException">The file changed or its checksum is wrong (<see cref="EnclaveFailure.InvalidImage"/>).</exception>
    public static EifMeasurements Measure(EifFile image, CancellationToken cancellationToken) => Read(() => image.Measure(cancellationToken: cancellationToken));

    static T Read<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (exception is EifException or IOException)
        {
            throw new EnclaveException(EnclaveFailure.InvalidImage, $"The image cannot be measured: {exception.Message}", exception);
        }
    }

    /// <summary>Refuses a signed image whose signature does not hold now. Unsigned images pass: PCR8 stays zero for them.</summary>
    /// <exception cref="EnclaveException">The signature does not hold (<see cref="EnclaveFailure.Signature"/>).</exception>
    public static void CheckSignature(EifFile image, EifMeasurements measurements, DateTimeOffset now)
    {
        if (image.Signature?.Verify(measurements.Pcr0, now) is { } status and not EifSignatureStatus.Valid)
        {
            throw new EnclaveException(EnclaveFailure.Signature, "The image's signature does not hold: " + status switch
            {
                EifSignatureStatus.Malformed => "it is malformed.",
                EifSignatureStatus.UnsupportedKey => "its certificate's key is of a kind that signs no images.",
                EifSignatureStatus.WrongKey => "it was not made with its certificate's key.",
                EifSignatureStatus.WrongMeasurement => "it was made for other contents than the image has.",
                EifSignatureStatus.CertificateNotYetValid => "its certificate is not valid yet.",
                _ => "the signing certificate is expired.",
            });
        }
    }

    static EifFile PutTogether(EnclaveOptions options)
    {
        using var memory = Memory.Create("enclave image");
        using (var output = new FileStream(new SafeFileHandle(memory.DangerousGetHandle(), ownsHandle: false), FileAccess.ReadWrite))
        {
            new EifBuilder
            {
                Architecture = ArchitectureOf(options.KernelPath!),
                Kernel = EifSectionContent.FromFile(options.KernelPath!),
                CommandLine = options.CommandLine ?? "",
                Ramdisks = [.. options.InitrdPaths.Select(EifSectionContent.FromFile)],
                Metadata = new EifMetadata
                {
                    ImageName = Path.GetFileName(options.KernelPath!),
                    ImageVersion = "1.0",
                    BuildTime = EifMetadata.FormatBuildTime(DateTimeOffset.UnixEpoch),
                    BuildTool = "nitro",
                    BuildToolVersion = "1.0",
                    OperatingSystem = "Linux",
                    KernelVersion = "Unknown",
                },
            }.Write(output);
        }

        // Opening by this path makes a description of its own, which lives on when ours is closed.
        return EifFile.Open(Memory.PathOf(memory));
    }

    // As the kernel is: an Image (Graviton) is for aarch64, everything else for x86-64.
    static EifArchitecture ArchitectureOf(string kernelPath)
    {
        using var kernel = File.OpenRead(kernelPath);
        return LinuxKernelImage.Read(kernel).Format == KernelFormat.Arm64Image ? EifArchitecture.Arm64 : EifArchitecture.X64;
    }
}
