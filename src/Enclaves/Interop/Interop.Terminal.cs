using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

static unsafe partial class Interop
{
    /// <summary>Pseudoterminals by ioctl(2), which need no path to the other end.</summary>
    internal static partial class Terminal
    {
        internal const int O_NOCTTY = 0x100;
        internal const nuint TIOCSPTLCK = 0x40045431;
        internal const nuint TIOCGPTN = 0x80045430;
        internal const nuint TIOCGPTPEER = 0x5441;

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int ioctl(SafeHandle fd, nuint request, int* argument);

        [LibraryImport("libc", SetLastError = true, EntryPoint = "ioctl")]
        internal static partial int ioctl_value(SafeHandle fd, nuint request, nint argument);
    }
}
