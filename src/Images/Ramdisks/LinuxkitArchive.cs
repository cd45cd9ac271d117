namespace NitroEnclaves.Images;

/// <summary>
/// Writes a cpio archive as linuxkit v1.5 (with AWS's patches) does: inodes counted from 721 on device 3:1, folders with two links,
/// everything else with one.
/// </summary>
sealed class LinuxkitArchive(Stream output)
{
    const uint FirstInode = 721;

    readonly CpioWriter _cpio = new(output);
    uint _inode = FirstInode;

    /// <summary>The modification time of what linuxkit makes itself: 2017-04-18T16:30:00Z.</summary>
    public static uint DefaultTime { get; } = (uint)ReproducibleArchive.DefaultTime.ToUnixTimeSeconds();

    /// <summary>A folder of root's, 0755.</summary>
    public void AddDirectory(string path) => Add(path, FileNodeType.Directory, FileModes.Executable, []);

    /// <summary>A file or link of root's.</summary>
    public void Add(string path, FileNodeType type, UnixFileMode mode, ReadOnlySpan<byte> data) =>
        _cpio.Write(Next(new CpioEntry { Name = path, ModificationTime = DefaultTime }, type, mode), data);

    /// <summary>A file of root's.</summary>
    public void Add(string path, UnixFileMode mode, FileContent content, CancellationToken cancellationToken) =>
        _cpio.Write(Next(new CpioEntry { Name = path, ModificationTime = DefaultTime }, FileNodeType.RegularFile, mode), content,
            cancellationToken);

    /// <summary>What is not a file, with its own owner, time and device.</summary>
    public void Add(in CpioEntry attributes, FileNodeType type, UnixFileMode mode, ReadOnlySpan<byte> data) =>
        _cpio.Write(Next(attributes, type, mode), data);

    /// <summary>A file with its own owner and time.</summary>
    public void Add(in CpioEntry attributes, UnixFileMode mode, FileContent content, CancellationToken cancellationToken) =>
        _cpio.Write(Next(attributes, FileNodeType.RegularFile, mode), content, cancellationToken);

    /// <summary>Ends the archive.</summary>
    public void Finish() => _cpio.Finish(new CpioEntry { Name = "", Inode = _inode, Links = 1, DeviceMajor = 3, DeviceMinor = 1 });

    CpioEntry Next(in CpioEntry attributes, FileNodeType type, UnixFileMode mode) => attributes with
    {
        Inode = _inode++,
        Mode = (uint)type | (uint)(mode & FileModes.Mask),
        Links = type == FileNodeType.Directory ? 2u : 1u,
        DeviceMajor = 3,
        DeviceMinor = 1,
    };
}
