namespace NitroEnclaves.Images;

/// <summary>What became of taking the kernel proper out of a kernel file.</summary>
public enum KernelExtraction
{
    /// <summary>The ELF file was written.</summary>
    Extracted,

    /// <summary>The file is no bzImage with a payload (boot protocol 2.08 or later): it boots as it is.</summary>
    NothingToExtract,

    /// <summary>The payload is packed in a way this library does not know: the file boots as it is.</summary>
    UnknownCompression,

    /// <summary>The system's library for the payload's compression is missing: the file boots as it is.</summary>
    LibraryMissing,

    /// <summary>The payload is malformed, larger than it says or than the limit, or no 64-bit x86 ELF file.</summary>
    Malformed,
}
