using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Enclaves;

/// <summary>The driver behind <c>/dev/nitro_enclaves</c>.</summary>
sealed class NitroDevice(string path = NitroDevice.DefaultPath) : NitroDriver
{
    /// <summary>The device of a parent instance.</summary>
    public const string DefaultPath = "/dev/nitro_enclaves";

    public override unsafe NitroSlot CreateEnclave()
    {
        using var device = Interop.open(path, Interop.O_RDWR | Interop.O_CLOEXEC, 0);
        if (device.IsInvalid)
        {
            throw new EnclaveException(
                EnclaveFailure.FileOperation,
                $"Failed to open the device file: {Marshal.GetLastPInvokeErrorMessage()} File: '{path}', failing operation: 'Open'. Is this an EC2 instance with enclaves enabled, and this user in the group ne?");
        }

        ulong number = 0;
        var enclave = Interop.ioctl(device, Interop.NE_CREATE_VM, &number);
        return enclave >= 0
            ? new NitroDeviceSlot(new SafeFileHandle(enclave, ownsHandle: true), number)
            : throw NitroDriverError.Exception("make an enclave", Marshal.GetLastPInvokeError());
    }
}
