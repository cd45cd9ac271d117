using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace NitroEnclaves.Images;

/// <summary>What a machine's file system says of a file, symbolic links not followed.</summary>
readonly record struct FileStatus
{
    const int Socket = 0xC000;

    public FileNodeType Type { get; private init; }

    public UnixFileMode Mode { get; private init; }

    public uint UserId { get; private init; }

    public uint GroupId { get; private init; }

    public DateTimeOffset ModificationTime { get; private init; }

    public uint DeviceMajor { get; private init; }

    public uint DeviceMinor { get; private init; }

    /// <summary>Names of the inode, where known; else 1.</summary>
    public uint Links { get; private init; }

    /// <summary>What tells inodes apart, where known.</summary>
    public (ulong Device, ulong Inode) Identity { get; private init; }

    /// <summary>Asks the file system.</summary>
    /// <exception cref="RootFileSystemException">The file is a socket.</exception>
    /// <exception cref="IOException">There is no such file or no access.</exception>
    public static FileStatus Read(FileSystemInfo file) => OperatingSystem.IsLinux() ? ReadLinux(file.FullName) : ReadPortable(file);

    [SupportedOSPlatform("linux")]
    static FileStatus ReadLinux(string path)
    {
        if (Interop.Libc.statx(Interop.Libc.AT_FDCWD, path, Interop.Libc.AT_SYMLINK_NOFOLLOW, Interop.Libc.STATX_BASIC_STATS,
            out var status) != 0)
        {
            throw new IOException($"'{path}': {Marshal.GetLastPInvokeErrorMessage()}");
        }

        int type = status.stx_mode & Interop.Libc.S_IFMT;
        return new FileStatus
        {
            Type = type != Socket
                ? (FileNodeType)type
                : throw new RootFileSystemException(RootFileSystemError.UnsupportedFileType,
                    $"'{path}' is a socket; a ramdisk cannot hold it."),
            Mode = (UnixFileMode)status.stx_mode & FileModes.Mask,
            UserId = status.stx_uid,
            GroupId = status.stx_gid,
            ModificationTime = DateTimeOffset.FromUnixTimeSeconds(status.stx_mtime.tv_sec),
            DeviceMajor = status.stx_rdev_major,
            DeviceMinor = status.stx_rdev_minor,
            Links = status.stx_nlink,
            Identity = (((ulong)status.stx_dev_major << 32) | status.stx_dev_minor, status.stx_ino),
        };
    }

    static FileStatus ReadPortable(FileSystemInfo file) => new()
    {
        Type = file.LinkTarget is not null ? FileNodeType.SymbolicLink
            : file is DirectoryInfo ? FileNodeType.Directory
            : FileNodeType.RegularFile,
        // Windows has no modes: everything may be executed, as in what tools there pack for Linux.
        Mode = OperatingSystem.IsWindows() ? FileModes.Executable : file.UnixFileMode & FileModes.Mask,
        ModificationTime = file.LastWriteTimeUtc,
        Links = 1,
    };
}
