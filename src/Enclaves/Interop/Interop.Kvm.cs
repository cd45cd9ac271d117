using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary><c>linux/kvm.h</c> and what is needed to call a virtual CPU back.</summary>
static unsafe partial class Interop
{
    internal const int KVM_API_VERSION = 12;

    internal const nuint KVM_GET_API_VERSION = 0xae00;
    internal const nuint KVM_CREATE_VM = 0xae01;
    internal const nuint KVM_GET_VCPU_MMAP_SIZE = 0xae04;
    internal const nuint KVM_GET_SUPPORTED_CPUID = 0xc008ae05;
    internal const nuint KVM_CREATE_VCPU = 0xae41;
    internal const nuint KVM_SET_USER_MEMORY_REGION = 0x4020ae46;
    internal const nuint KVM_RUN = 0xae80;
    internal const nuint KVM_SET_REGS = 0x4090ae82;
    internal const nuint KVM_GET_SREGS = 0x8138ae83;
    internal const nuint KVM_SET_SREGS = 0x4138ae84;
    internal const nuint KVM_SET_SIGNAL_MASK = 0x4004ae8b;
    internal const nuint KVM_SET_CPUID2 = 0x4008ae90;

    internal const uint KVM_EXIT_IO = 2;
    internal const byte KVM_EXIT_IO_OUT = 1;

    internal const int SIG_BLOCK = 0;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ioctl(SafeHandle fd, nuint request, nint argument);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ioctl(SafeHandle fd, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    internal static partial void* mmap(void* addr, nuint length, int prot, int flags, SafeHandle fd, nint offset);

    [LibraryImport("libc")]
    internal static partial nuint pthread_self();

    [LibraryImport("libc")]
    internal static partial int pthread_kill(nuint thread, int sig);

    [LibraryImport("libc")]
    internal static partial int pthread_sigmask(int how, byte* set, byte* oldset);

    [StructLayout(LayoutKind.Sequential)]
    internal struct kvm_userspace_memory_region
    {
        internal uint slot;
        internal uint flags;
        internal ulong guest_phys_addr;
        internal ulong memory_size;
        internal ulong userspace_addr;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct kvm_regs
    {
        internal ulong rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
        internal ulong r8, r9, r10, r11, r12, r13, r14, r15;
        internal ulong rip, rflags;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct kvm_segment
    {
        internal ulong @base;
        internal uint limit;
        internal ushort selector;
        internal byte type, present, dpl, db, s, l, g, avl, unusable, padding;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct kvm_dtable
    {
        internal ulong @base;
        internal ushort limit;
        internal ushort padding0, padding1, padding2;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct kvm_sregs
    {
        internal kvm_segment cs, ds, es, fs, gs, ss, tr, ldt;
        internal kvm_dtable gdt, idt;
        internal ulong cr0, cr2, cr3, cr4, cr8, efer, apic_base;
        internal fixed ulong interrupt_bitmap[4];
    }

    /// <summary>The head of the page that a virtual CPU shares with us (<c>struct kvm_run</c>), as far as it is read here.</summary>
    [StructLayout(LayoutKind.Explicit)]
    internal struct kvm_run
    {
        [FieldOffset(1)]
        internal byte immediate_exit;

        [FieldOffset(8)]
        internal uint exit_reason;

        [FieldOffset(32)]
        internal byte io_direction;

        [FieldOffset(34)]
        internal ushort io_port;

        [FieldOffset(40)]
        internal ulong io_data_offset;
    }
}
