namespace NitroEnclaves.Images;

/// <summary>Why a folder, an archive or a container image cannot become a root file system.</summary>
public enum RootFileSystemError
{
    /// <summary>A path leads out of the root, or is not a path.</summary>
    InvalidPath,

    /// <summary>A path is longer than Linux takes (4095 bytes, 255 a name).</summary>
    PathTooLong,

    /// <summary>A part of a path that must be a folder is something else.</summary>
    NotADirectory,

    /// <summary>Resolving a path ran into more than 40 symbolic links.</summary>
    TooManySymbolicLinks,

    /// <summary>A hard link leads to nothing or to a folder.</summary>
    InvalidHardLink,

    /// <summary>A socket, or a kind of file that a ramdisk cannot hold.</summary>
    UnsupportedFileType,

    /// <summary>A file has 4 GiB or more, which a ramdisk cannot hold.</summary>
    FileTooLarge,

    /// <summary>There are more files than a ramdisk's numbering or this library's limit takes.</summary>
    TooManyFiles,

    /// <summary>An archive's headers cannot be what they say, or it ends early.</summary>
    MalformedArchive,

    /// <summary>An archive uses a form or a compression that this library, or this machine, does not know.</summary>
    UnsupportedArchive,

    /// <summary>A container image's index, manifest or configuration is not JSON of its form.</summary>
    MalformedContainerImage,

    /// <summary>A container image lacks a file that it names.</summary>
    MissingBlob,

    /// <summary>A file of a container image has not the digest or the size by which it is named.</summary>
    DigestMismatch,

    /// <summary>No image has the architecture or the name that was asked for, or several have it.</summary>
    NoSuchImage,
}
