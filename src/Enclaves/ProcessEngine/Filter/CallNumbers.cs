namespace NitroEnclaves.Enclaves;

/// <summary>The numbers of the intercepted system calls on one architecture (<c>asm/unistd.h</c>).</summary>
sealed record CallNumbers
{
    /// <summary>x86-64. Numbers from 2^30 on are the x32 calls of the same architecture.</summary>
    public static CallNumbers X64 { get; } = new()
    {
        AuditArchitecture = 0xC000003E,
        FirstForeignNumber = 0x40000000,
        Ioctl = 16,
        Socket = 41,
        Connect = 42,
        Accept = 43,
        Bind = 49,
        GetSocketName = 51,
        GetPeerName = 52,
        SocketPair = 53,
        SetSocketOption = 54,
        GetSocketOption = 55,
        Accept4 = 288,
        IoUringSetup = 425,
    };

    /// <summary>aarch64, which has the generic numbers.</summary>
    public static CallNumbers Arm64 { get; } = new()
    {
        AuditArchitecture = 0xC00000B7,
        FirstForeignNumber = null,
        Ioctl = 29,
        Socket = 198,
        SocketPair = 199,
        Bind = 200,
        Accept = 202,
        Connect = 203,
        GetSocketName = 204,
        GetPeerName = 205,
        SetSocketOption = 208,
        GetSocketOption = 209,
        Accept4 = 242,
        IoUringSetup = 425,
    };

    /// <summary>The architecture's number in <c>seccomp_data.arch</c>.</summary>
    public required uint AuditArchitecture { get; init; }

    /// <summary>The first number that belongs to another way of calling; null where there is none.</summary>
    public required uint? FirstForeignNumber { get; init; }

    public required int Ioctl { get; init; }

    public required int Socket { get; init; }

    public required int SocketPair { get; init; }

    public required int Bind { get; init; }

    public required int Connect { get; init; }

    public required int Accept { get; init; }

    public required int Accept4 { get; init; }

    public required int GetSocketName { get; init; }

    public required int GetPeerName { get; init; }

    public required int GetSocketOption { get; init; }

    public required int SetSocketOption { get; init; }

    public required int IoUringSetup { get; init; }
}
