using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace NitroEnclaves.Attestation;

/// <summary>The OpenSSL that the runtime itself has loaded: three functions of openssl/ec.h.</summary>
static partial class Interop
{
    // obj_mac.h
    internal const int NID_secp384r1 = 715;

    const string Libcrypto = "libcrypto";
    const string Libc = "libc";

    // dlfcn.h
    const int RTLD_LAZY = 0x1;
    const int RTLD_NOLOAD = 0x4;

    static readonly nint LoadedLibcrypto = FindLoadedLibcrypto();

    static Interop() => NativeLibrary.SetDllImportResolver(typeof(Interop).Assembly, Resolve);

    /// <summary>
    /// Whether the functions can be called with keys that go to the runtime. That takes the very library that the runtime uses, in this
    /// process: a key of another copy would be memory of another heap. So the library is looked up among those that are loaded and never
    /// loaded;
    /// and not at all where code was compiled ahead of time, because OpenSSL may be linked into such a program.
    /// </summary>
    internal static bool HasLibcrypto { get; } = LoadedLibcrypto != 0
        && NativeLibrary.TryGetExport(LoadedLibcrypto, nameof(EC_KEY_new_by_curve_name), out _)
        && NativeLibrary.TryGetExport(LoadedLibcrypto, nameof(EC_KEY_oct2key), out _)
        && NativeLibrary.TryGetExport(LoadedLibcrypto, nameof(EC_KEY_free), out _);

    [LibraryImport(Libcrypto)]
    internal static partial SafeEcKeyHandle EC_KEY_new_by_curve_name(int nid);

    [LibraryImport(Libcrypto)]
    internal static partial int EC_KEY_oct2key(SafeEcKeyHandle eckey, ReadOnlySpan<byte> buf, nuint len, nint ctx);

    [LibraryImport(Libcrypto)]
    internal static partial void EC_KEY_free(nint key);

    [LibraryImport(Libc, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint dlopen(string filename, int flags);

    static nint FindLoadedLibcrypto()
    {
        if (!OperatingSystem.IsLinux() || !RuntimeFeature.IsDynamicCodeSupported)
        {
            return 0;
        }

        try
        {
            // Asking for the version makes the runtime load its OpenSSL. The major version is its highest four bits.
            var major = SafeEvpPKeyHandle.OpenSslVersion >> 28;
            return major == 3 ? dlopen("libcrypto.so.3", RTLD_LAZY | RTLD_NOLOAD) : 0;
        }
        catch (Exception exception) when (exception is PlatformNotSupportedException or DllNotFoundException or EntryPointNotFoundException)
        {
            return 0;
        }
    }

    static nint Resolve(string libraryName, Assembly assembly, DllImportSearchPath? searchPath) =>
        libraryName == Libcrypto ? LoadedLibcrypto : 0;
}
