namespace NitroEnclaves.Images;

/// <summary>The form a kernel file has.</summary>
public enum KernelFormat
{
    /// <summary>None of the known ones.</summary>
    Unknown,

    /// <summary>An x86 bzImage: real-mode setup, boot stub and packed kernel.</summary>
    BzImage,

    /// <summary>An ELF file (vmlinux).</summary>
    Elf,

    /// <summary>An uncompressed aarch64 Image.</summary>
    Arm64Image,
}
