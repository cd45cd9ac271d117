namespace NitroEnclaves.Images;

/// <summary>Why bytes are not an acceptable enclave image.</summary>
public enum EifError
{
    /// <summary>The file is shorter than the 548-byte header.</summary>
    TruncatedHeader,

    /// <summary>The first four bytes are not ".eif".</summary>
    BadMagic,

    /// <summary>The version is none of 2, 3 and 4.</summary>
    UnsupportedVersion,

    /// <summary>A header flag other than the architecture bit is set.</summary>
    UnknownFlags,

    /// <summary>A reserved field or an unused entry of the section table is not zero.</summary>
    ReservedNotZero,

    /// <summary>The number of sections is 0 or above 32.</summary>
    SectionCount,

    /// <summary>A section begins before the one ahead of it has ended.</summary>
    SectionOverlap,

    /// <summary>Bytes between two sections belong to none.</summary>
    SectionGap,

    /// <summary>A section reaches beyond the end of the file.</summary>
    TruncatedSection,

    /// <summary>The section table and the section headers in the file disagree.</summary>
    SectionTableMismatch,

    /// <summary>A section's type is 0 or above 5.</summary>
    InvalidSectionType,

    /// <summary>A section's flags are not zero.</summary>
    UnknownSectionFlags,

    /// <summary>Bytes follow the last section of the table.</summary>
    TrailingBytes,

    /// <summary>A section that may occur once occurs again.</summary>
    DuplicateSection,

    /// <summary>The kernel, the command line, the metadata or every ramdisk is missing.</summary>
    MissingSection,

    /// <summary>Kernel, command line and ramdisks are not in this order.</summary>
    SectionOrder,

    /// <summary>A command line, metadata or signature section is larger than its kind may be.</summary>
    SectionTooLarge,

    /// <summary>The command line is not UTF-8 or holds a NUL.</summary>
    InvalidCommandLine,

    /// <summary>The metadata is not UTF-8, not JSON, or not of the metadata's shape.</summary>
    InvalidMetadata,

    /// <summary>The signature section is not of its CBOR shape, or its certificate cannot be read.</summary>
    InvalidSignature,

    /// <summary>The CRC-32 in the header is not that of the file.</summary>
    CrcMismatch,
}
