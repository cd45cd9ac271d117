using System.Reflection;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Images;

/// <summary>Finds the system's compression libraries under the names that they have on each system.</summary>
static class NativeLibraries
{
    static readonly Dictionary<string, string[]> s_candidates = new()
    {
        [Interop.Zstd.Library] = ["libzstd.so.1", "libzstd.1.dylib", "/opt/homebrew/lib/libzstd.1.dylib", "libzstd.dll"],
        [Interop.Lzma.Library] = ["liblzma.so.5", "liblzma.5.dylib", "/opt/homebrew/lib/liblzma.5.dylib", "liblzma.dll"],
    };

    static readonly Dictionary<string, nint> s_handles = s_candidates.ToDictionary(library => library.Key, library => Load(library.Value));

    static NativeLibraries() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);

    /// <summary>True where the library is there; calls into one that is not throw.</summary>
    public static bool IsAvailable(string library) => s_handles.TryGetValue(library, out nint handle) && handle != 0;

    static nint Resolve(string library, Assembly assembly, DllImportSearchPath? searchPath) => s_handles.GetValueOrDefault(library);

    static nint Load(string[] candidates)
    {
        foreach (string candidate in candidates)
        {
            if (NativeLibrary.TryLoad(candidate, out nint handle))
            {
                return handle;
            }
        }

        return 0;
    }
}
