using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Nsm;

/// <summary>An open NSM device file. Its descriptor stays open until the last call in flight has returned.</summary>
sealed class SafeNsmHandle : SafeHandleMinusOneIsInvalid
{
    internal SafeNsmHandle(int fd)
        : base(ownsHandle: true) => SetHandle(fd);

    protected override bool ReleaseHandle() => Interop.close((int)handle) == 0;
}
