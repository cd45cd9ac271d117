namespace NitroEnclaves.Images;

/// <summary>What a finding is about.</summary>
public enum EifFindingSubject
{
    /// <summary>The file's structure: header, table, sections, metadata.</summary>
    Format,

    /// <summary>The header's checksum.</summary>
    Checksum,

    /// <summary>The format's version.</summary>
    Version,

    /// <summary>The memory that an enclave with this image needs.</summary>
    Memory,

    /// <summary>The signature and its certificate.</summary>
    Signature,

    /// <summary>The kernel: its form, architecture, version.</summary>
    Kernel,

    /// <summary>The kernel's command line.</summary>
    CommandLine,

    /// <summary>The ramdisks' form.</summary>
    Ramdisk,

    /// <summary>The init program.</summary>
    Init,

    /// <summary>The driver of the security module.</summary>
    NsmDriver,

    /// <summary>The root file system and what is started in it.</summary>
    Program,
}
