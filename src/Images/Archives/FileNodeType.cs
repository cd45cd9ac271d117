namespace NitroEnclaves.Images;

/// <summary>What a file is, with the value of its type bits in a Unix mode (S_IFMT).</summary>
public enum FileNodeType
{
    /// <summary>A named pipe.</summary>
    Fifo = 0x1000,

    /// <summary>A character device.</summary>
    CharacterDevice = 0x2000,

    /// <summary>A folder.</summary>
    Directory = 0x4000,

    /// <summary>A block device.</summary>
    BlockDevice = 0x6000,

    /// <summary>A file with content.</summary>
    RegularFile = 0x8000,

    /// <summary>A symbolic link.</summary>
    SymbolicLink = 0xA000,
}
