using System.Globalization;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images;

/// <summary>Answers whether an image will start on EC2, as far as the file shows.</summary>
public static class EifValidation
{
    const long Mebibyte = 1 << 20;

    /// <summary>The driver of the security module is part of Linux since 6.8.</summary>
    static readonly Version s_nsmInKernel = new(6, 8);

    /// <summary>Looks at everything that can be wrong with an image.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="time">The time at which a signing certificate must be valid.</param>
    /// <param name="memory">The memory in MiB that the enclave shall have; null where it is not known.</param>
    /// <param name="progress">Told the bytes read so far.</param>
    /// <param name="cancellationToken">Ends the reading early.</param>
    /// <returns>What was found; an image without an <see cref="EifFindingSeverity.Error"/> among them is expected to start.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<EifFinding> Validate(
        string path, DateTimeOffset time, long? memory = null, IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var findings = new List<EifFinding>();
        try
        {
            using var image = EifFile.Open(path);
            var scan = image.Scan(progress, cancellationToken);
            CheckChecksum(findings, image, scan);
            CheckMemory(findings, image, memory);
            CheckSignature(findings, image, scan.Measurements.Pcr0, time);
            var kernel = CheckKernel(findings, image);
            CheckCommandLine(findings, image);
            CheckFiles(findings, image, kernel, cancellationToken);
        }
        catch (EifException e)
        {
            Add(findings, EifFindingSeverity.Error, EifFindingSubject.Format, $"{e.Reason}: {e.Message}");
        }

        return findings;
    }

    static void CheckChecksum(List<EifFinding> findings, EifFile image, EifScan scan)
    {
        if (!scan.CrcMatches)
        {
            Add(findings, EifFindingSeverity.Error, EifFindingSubject.Checksum,
                $"The header has the checksum {image.Header.Crc32:x8}, the file's bytes have {scan.Crc32:x8}.");
        }

        if (image.Header.Version < EifHeader.CurrentVersion)
        {
            Add(findings, EifFindingSeverity.Warning, EifFindingSubject.Version,
                $"The image has version {image.Header.Version} of the format; {EifHeader.CurrentVersion} is current.");
        }
    }

    static void CheckMemory(List<EifFinding> findings, EifFile image, long? memory)
    {
        // nitro-cli refuses less than four times the file, in whole MiB.
        long needed = 4 * ((image.Length + Mebibyte - 1) / Mebibyte);
        if (memory < needed)
        {
            Add(findings, EifFindingSeverity.Error, EifFindingSubject.Memory,
                Text($"{memory} MiB are too little: four times the file are {needed} MiB."));
        }
        else if (memory is null)
        {
            Add(findings, EifFindingSeverity.Note, EifFindingSubject.Memory,
                Text($"An enclave with this image needs at least {Math.Max(needed, 64)} MiB of memory."));
        }
    }

    static void CheckSignature(List<EifFinding> findings, EifFile image, PcrValue pcr0, DateTimeOffset time)
    {
        if (image.Signature is null)
        {
            Add(findings, EifFindingSeverity.Note, EifFindingSubject.Signature, "The image is not signed: PCR8 will be zero.");
            return;
        }

        var status = image.Signature.Verify(pcr0, time);
        string? problem = status switch
        {
            EifSignatureStatus.Valid => null,
            EifSignatureStatus.Malformed => "The signature is no COSE_Sign1.",
            EifSignatureStatus.UnsupportedKey => "The signing certificate's key is none of P-256, P-384 and P-521.",
            EifSignatureStatus.WrongKey => "The signature is not one of the certificate's key.",
            EifSignatureStatus.WrongMeasurement => "What was signed is not this image's PCR0.",
            EifSignatureStatus.CertificateNotYetValid => "The signing certificate is not valid yet.",
            _ => "The signing certificate has expired.",
        };
        if (problem is not null)
        {
            Add(findings, EifFindingSeverity.Error, EifFindingSubject.Signature, problem);
        }
    }

    static LinuxKernelImage CheckKernel(List<EifFinding> findings, EifFile image)
    {
        using var stream = image.OpenKernel();
        var kernel = LinuxKernelImage.Read(stream);
        var expected = image.Architecture == EifArchitecture.Arm64 ? KernelFormat.Arm64Image : KernelFormat.BzImage;
        if (kernel.Format != expected)
        {
            Add(findings, EifFindingSeverity.Error, EifFindingSubject.Kernel,
                $"The header says {image.Architecture}, whose kernels are {expected}; this one is {kernel.Format}.");
        }

        if (kernel.Version is not null)
        {
            Add(findings, EifFindingSeverity.Note, EifFindingSubject.Kernel, $"The kernel is {kernel.Version}.");
            if (kernel.Version.Contains("debian-kernel@", StringComparison.Ordinal))
            {
                Add(findings, EifFindingSeverity.Error, EifFindingSubject.Kernel,
                    "Debian's kernels find the enclave's devices by ACPI or PCI only, and an enclave on EC2 has neither. "
                    + "This one is for emulated enclaves.");
            }
        }

        return kernel;
    }

    static void CheckCommandLine(List<EifFinding> findings, EifFile image)
    {
        string[] words = image.CommandLine.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (!words.Contains("console=ttyS0"))
        {
            Add(findings, EifFindingSeverity.Warning, EifFindingSubject.CommandLine,
                "Without console=ttyS0 the console of an enclave in debug mode stays empty.");
        }

        if (image.Architecture == EifArchitecture.X64 && !words.Contains("reboot=k"))
        {
            Add(findings, EifFindingSeverity.Warning, EifFindingSubject.CommandLine,
                "Without reboot=k the enclave may hang instead of ending.");
        }
    }

    static void CheckFiles(List<EifFinding> findings, EifFile image, LinuxKernelImage kernel, CancellationToken cancellationToken)
    {
        try
        {
            using var files = image.ReadRamdisks(cancellationToken);
            if (files.FindTarget("init") is not { Type: FileNodeType.RegularFile } init)
            {
                Add(findings, EifFindingSeverity.Error, EifFindingSubject.Init, "The ramdisks have no /init for the kernel to start.");
            }
            else if ((init.Mode & UnixFileMode.UserExecute) == 0)
            {
                Add(findings, EifFindingSeverity.Error, EifFindingSubject.Init, "/init may not be executed.");
            }

            CheckNsmDriver(findings, files, kernel);
            CheckProgram(findings, files);
        }
        catch (RootFileSystemException e)
        {
            // The kernel might still take it: packed in a way that is not known here, for example.
            Add(findings, EifFindingSeverity.Warning, EifFindingSubject.Ramdisk, $"The ramdisks cannot be looked into: {e.Message}");
        }
    }

    static void CheckNsmDriver(List<EifFinding> findings, RootFileSystem files, LinuxKernelImage kernel)
    {
        bool module = files.Find("nsm.ko") is not null
            || files.Files.Any(file =>
                file.Path.StartsWith("modules/", StringComparison.Ordinal) && file.Path.EndsWith("nsm.ko", StringComparison.Ordinal));
        if (!module && KernelNumber(kernel) is { } version && version < s_nsmInKernel)
        {
            Add(findings, EifFindingSeverity.Warning, EifFindingSubject.NsmDriver,
                $"Linux {version} has no driver for the security module, and the ramdisks have no nsm.ko: there will be no attestation.");
        }
    }

    static void CheckProgram(List<EifFinding> findings, RootFileSystem files)
    {
        foreach (string file in (string[])["cmd", "env"])
        {
            if (files.Find(file) is null)
            {
                Add(findings, EifFindingSeverity.Warning, EifFindingSubject.Program,
                    $"There is no /{file}: AWS's init and nitro-init do not start without it.");
            }
        }

        if (files.Find("rootfs") is not { Type: FileNodeType.Directory })
        {
            Add(findings, EifFindingSeverity.Warning, EifFindingSubject.Program,
                "There is no /rootfs: AWS's init and nitro-init have no root file system to go to.");
            return;
        }

        if (ReadFirstLine(files.Find("cmd")) is ['/', ..] program && files.Subtree("rootfs").FindTarget(program) is null)
        {
            Add(findings, EifFindingSeverity.Error, EifFindingSubject.Program,
                $"The program to start, {program}, is not in the root file system.");
        }
    }

    static string? ReadFirstLine(FileNode? node)
    {
        if (node is null || node.Content.Length is 0 or > UnixPath.MaxLength * 256)
        {
            return null;
        }

        using var stream = node.Content.OpenRead();
        byte[] bytes = new byte[node.Content.Length];
        stream.ReadExactly(bytes);
        int end = bytes.AsSpan().IndexOf((byte)'\n');
        return UnixPath.Decode(end < 0 ? bytes : bytes.AsSpan(0, end));
    }

    static Version? KernelNumber(LinuxKernelImage kernel)
    {
        string number = new([.. (kernel.Release ?? "").TakeWhile(letter => char.IsAsciiDigit(letter) || letter == '.')]);
        return Version.TryParse(number.TrimEnd('.'), out var version) ? version : null;
    }

    static void Add(List<EifFinding> findings, EifFindingSeverity severity, EifFindingSubject subject, string message) =>
        findings.Add(new EifFinding(severity, subject, message));

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
