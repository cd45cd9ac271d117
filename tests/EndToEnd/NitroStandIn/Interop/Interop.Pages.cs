using System.Runtime.InteropServices;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Calls of the kernel about the pages of other processes.</summary>
static unsafe partial class Interop
{
    // x86-64, on which alone these tests run.
    internal const nint SYS_move_pages = 279;

    /// <summary><c>move_pages</c>, which without nodes moves nothing and says where each page is.</summary>
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint move_pages(nint number, nint pid, nuint count, void** pages, int* nodes, int* status, nint flags);
}
