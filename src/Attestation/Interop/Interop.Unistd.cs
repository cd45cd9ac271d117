using System.Runtime.InteropServices;

namespace NitroEnclaves.Attestation;

static partial class Interop
{
    /// <summary>Gives a file a second name, which must be free: link(2).</summary>
    [LibraryImport(Libc, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int link(string oldpath, string newpath);
}
