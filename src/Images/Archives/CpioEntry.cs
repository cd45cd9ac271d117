namespace NitroEnclaves.Images;

/// <summary>The header of one file in a "newc" cpio archive, all numbers as they are stored (32 bits each).</summary>
public readonly record struct CpioEntry
{
    /// <summary>The path, without a leading slash as a rule.</summary>
    public required string Name { get; init; }

    /// <summary>The inode's number; equal numbers on equal devices with <see cref="Links"/> above 1 are hard links.</summary>
    public uint Inode { get; init; }

    /// <summary>Type bits and the low twelve bits.</summary>
    public uint Mode { get; init; }

    /// <summary>The owner's number.</summary>
    public uint UserId { get; init; }

    /// <summary>The group's number.</summary>
    public uint GroupId { get; init; }

    /// <summary>How many names the inode has.</summary>
    public uint Links { get; init; }

    /// <summary>The last modification in seconds since 1970.</summary>
    public uint ModificationTime { get; init; }

    /// <summary>The major number of the device the file lies on.</summary>
    public uint DeviceMajor { get; init; }

    /// <summary>The minor number of the device the file lies on.</summary>
    public uint DeviceMinor { get; init; }

    /// <summary>The major number of the device the file is.</summary>
    public uint TargetDeviceMajor { get; init; }

    /// <summary>The minor number of the device the file is.</summary>
    public uint TargetDeviceMinor { get; init; }
}
