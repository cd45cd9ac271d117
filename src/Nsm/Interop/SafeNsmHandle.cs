using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Nsm;

/// <summary>An open NSM device file. Its descriptor stays open until the last call in flight has returned.</summary>
sealed class SafeNsmHandle() : SafeHandleMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Interop.close(handle) == 0;
}
