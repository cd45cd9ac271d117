using System.Runtime.InteropServices;

namespace NitroEnclaves.Attestation;

/// <summary>One reference to an EC_KEY of OpenSSL.</summary>
sealed class SafeEcKeyHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Interop.EC_KEY_free(handle);
        return true;
    }
}
