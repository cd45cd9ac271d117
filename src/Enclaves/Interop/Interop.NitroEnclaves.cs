using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary><c>linux/nitro_enclaves.h</c>: the calls of the parent's driver (eif-and-nitro-cli 3.7).</summary>
static unsafe partial class Interop
{
    internal const nuint NE_CREATE_VM = 0x8008ae20;
    internal const nuint NE_ADD_VCPU = 0xc004ae21;
    internal const nuint NE_GET_IMAGE_LOAD_INFO = 0xc010ae22;
    internal const nuint NE_SET_USER_MEMORY_REGION = 0x4018ae23;
    internal const nuint NE_START_ENCLAVE = 0xc010ae24;

    internal const ulong NE_EIF_IMAGE = 1;
    internal const ulong NE_ENCLAVE_PRODUCTION_MODE = 0;
    internal const ulong NE_ENCLAVE_DEBUG_MODE = 1;

    internal const int MAP_HUGETLB = 0x40000;
    internal const int MAP_POPULATE = 0x8000;
    internal const int MAP_HUGE_SHIFT = 26;


    /// <summary><c>mbind</c>, which the C library leaves to libnuma.</summary>
    internal static int mbind(void* start, nuint length, int mode, ulong* nodemask, nuint maxnode) =>
        (int)syscall6(RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 235 : 237, (nint)start, (nint)length, mode, (nint)nodemask, (nint)maxnode, 0);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint syscall6(nint number, nint argument0, nint argument1, nint argument2, nint argument3, nint argument4, nint argument5);

    [StructLayout(LayoutKind.Sequential)]
    internal struct ne_image_load_info
    {
        internal ulong flags;
        internal ulong memory_offset;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct ne_user_memory_region
    {
        internal ulong flags;
        internal ulong memory_size;
        internal ulong userspace_addr;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct ne_enclave_start_info
    {
        internal ulong flags;
        internal ulong enclave_cid;
    }
}
