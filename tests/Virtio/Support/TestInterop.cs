using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>What a front end needs of the system and a back end does not.</summary>
static unsafe partial class TestInterop
{
    public const short POLLIN = 1;

    [StructLayout(LayoutKind.Sequential)]
    public struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollDescriptor* descriptors, ulong count, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "dup", SetLastError = true)]
    public static partial int Dup(SafeHandle descriptor);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    /// <summary>A descriptor that names a file and can do nothing with it (O_PATH).</summary>
    public static int OpenPath(string path) => Open(path, 0x200000 | 0x80000);

    /// <summary>Waits until a descriptor is readable.</summary>
    public static bool WaitReadable(SafeHandle descriptor, int timeoutMilliseconds)
    {
        var entry = new PollDescriptor { Descriptor = (int)descriptor.DangerousGetHandle(), Events = POLLIN };
        return Poll(&entry, 1, timeoutMilliseconds) > 0;
    }
}
