using System.Runtime.InteropServices;

namespace NitroEnclaves.Cli;

static partial class Interop
{
    /// <summary>Turns this process into another program; returns only where that failed. <paramref name="argv"/> ends with null.</summary>
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    internal static partial int execv(string path, string?[] argv);
}
