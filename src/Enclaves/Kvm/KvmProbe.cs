using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Runs <see cref="KvmProbeGuest"/> on <c>/dev/kvm</c>: about a millisecond. A guest that does not end is called back with a signal that
/// only its own thread can get, and only while the guest runs.
/// </summary>
static unsafe class KvmProbe
{
    // Real-time signal 40: the runtime and the C library use none of this number.
    const int CallBackSignal = 40;
    const int SignalSetSize = 8;
    const int CpuidEntries = 128;
    const int CpuidEntrySize = 40;

    // More exits than this are no progress: the guest makes one.
    const int MostExits = 16;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    static readonly TimeSpan s_callBackPatience = TimeSpan.FromMilliseconds(250);

    public static KvmProbeResult Run()
    {
        var result = KvmProbeResult.Stuck;
        nuint handle = 0;
        using var running = new ManualResetEventSlim();
        var thread = new Thread(() =>
        {
            handle = Interop.pthread_self();
            BlockCallBackSignal();
            running.Set();
            result = RunGuest();
        })
        {
            IsBackground = true,
            Name = "kvm probe",
        };
        thread.Start();
        running.Wait();
        if (!thread.Join(s_patience))
        {
            // The thread has not been joined, so its handle is valid; the signal is blocked in it and ends only KVM_RUN.
            _ = Interop.pthread_kill(handle, CallBackSignal);
            thread.Join(s_callBackPatience);
            return KvmProbeResult.Stuck;
        }

        return result;
    }

    static KvmProbeResult RunGuest()
    {
        using var kvm = Interop.open("/dev/kvm", Interop.O_RDWR | Interop.O_CLOEXEC, 0);
        if (kvm.IsInvalid || Interop.ioctl(kvm, Interop.KVM_GET_API_VERSION, 0) != Interop.KVM_API_VERSION)
        {
            return KvmProbeResult.Unavailable;
        }

        using var vm = Descriptor(Interop.ioctl(kvm, Interop.KVM_CREATE_VM, 0));
        using var vcpu = Descriptor(vm.IsInvalid ? -1 : Interop.ioctl(vm, Interop.KVM_CREATE_VCPU, 0));
        var runSize = Interop.ioctl(kvm, Interop.KVM_GET_VCPU_MMAP_SIZE, 0);
        if (vcpu.IsInvalid || runSize < sizeof(Interop.kvm_run))
        {
            return KvmProbeResult.Unavailable;
        }

        // SAFETY: both mappings are checked before use and unmapped after the last use; the machine that shares the memory only runs
        // within RunVcpu, on this thread.
        var memory = Interop.mmap(
            null, KvmProbeGuest.MemorySize, Interop.PROT_READ | Interop.PROT_WRITE, Interop.MAP_SHARED | Interop.MAP_ANONYMOUS, -1, 0);
        var run = Interop.mmap(null, (nuint)runSize, Interop.PROT_READ | Interop.PROT_WRITE, Interop.MAP_SHARED, vcpu, 0);
        try
        {
            if (memory == Interop.MAP_FAILED || run == Interop.MAP_FAILED)
            {
                return KvmProbeResult.Unavailable;
            }

            var bytes = new Span<byte>(memory, KvmProbeGuest.MemorySize);
            KvmProbeGuest.Load(bytes);
            if (!SetUp(kvm, vm, vcpu, memory))
            {
                return KvmProbeResult.Unavailable;
            }

            return RunVcpu(vcpu, (Interop.kvm_run*)run, runSize) && KvmProbeGuest.HasPassed(bytes)
                ? KvmProbeResult.Passed
                : KvmProbeResult.Incomplete;
        }
        finally
        {
            Unmap(run, (nuint)runSize);
            Unmap(memory, KvmProbeGuest.MemorySize);
        }
    }

    static bool SetUp(SafeHandle kvm, SafeHandle vm, SafeHandle vcpu, void* memory)
    {
        var region = new Interop.kvm_userspace_memory_region { memory_size = KvmProbeGuest.MemorySize, userspace_addr = (ulong)memory };
        Interop.kvm_sregs special;
        if (Interop.ioctl(vm, Interop.KVM_SET_USER_MEMORY_REGION, &region) < 0 || Interop.ioctl(vcpu, Interop.KVM_GET_SREGS, &special) < 0)
        {
            return false;
        }

        EnterLongMode(ref special);
        var registers = new Interop.kvm_regs { rip = KvmProbeGuest.Code, rsp = KvmProbeGuest.Stack, rflags = 2 };
        return SetCpuid(kvm, vcpu)
            && Interop.ioctl(vcpu, Interop.KVM_SET_SREGS, &special) == 0
            && Interop.ioctl(vcpu, Interop.KVM_SET_REGS, &registers) == 0
            && AdmitCallBackSignal(vcpu);
    }

    static void EnterLongMode(ref Interop.kvm_sregs special)
    {
        const ulong ProtectedMode = 1, MonitorCoprocessor = 2, NumericError = 0x20, WriteProtect = 0x10000, Paging = 0x80000000;
        const ulong PhysicalAddressExtension = 0x20, FxsaveAndSse = 0x200, SseExceptions = 0x400;
        const ulong LongModeEnable = 0x100, LongModeActive = 0x400;
        special.cr0 = ProtectedMode | MonitorCoprocessor | NumericError | WriteProtect | Paging;
        special.cr3 = KvmProbeGuest.PageTable;
        special.cr4 = PhysicalAddressExtension | FxsaveAndSse | SseExceptions;
        special.efer = LongModeEnable | LongModeActive;
        special.gdt = new Interop.kvm_dtable { @base = KvmProbeGuest.GlobalDescriptors, limit = KvmProbeGuest.GlobalDescriptorsLimit };
        special.idt = new Interop.kvm_dtable { @base = KvmProbeGuest.InterruptDescriptors, limit = KvmProbeGuest.InterruptDescriptorsLimit };
        special.cs = new Interop.kvm_segment { limit = 0xffffffff, selector = 8, type = 11, present = 1, s = 1, l = 1, g = 1 };
        var data = new Interop.kvm_segment { limit = 0xffffffff, selector = 16, type = 3, present = 1, db = 1, s = 1, g = 1 };
        (special.ds, special.es, special.fs, special.gs, special.ss) = (data, data, data, data, data);
    }

    // Without the host's features the virtual CPU would have neither SSE nor cmpxchg16b to refuse or to grant.
    static bool SetCpuid(SafeHandle kvm, SafeHandle vcpu)
    {
        const int HeadSize = 8;
        var features = stackalloc byte[HeadSize + CpuidEntries * CpuidEntrySize];
        new Span<byte>(features, HeadSize).Clear();
        *(uint*)features = CpuidEntries;
        return Interop.ioctl(kvm, Interop.KVM_GET_SUPPORTED_CPUID, features) == 0
            && Interop.ioctl(vcpu, Interop.KVM_SET_CPUID2, features) == 0;
    }

    static bool RunVcpu(SafeHandle vcpu, Interop.kvm_run* run, int runSize)
    {
        for (var exit = 0; exit < MostExits; exit++)
        {
            if (Interop.ioctl(vcpu, Interop.KVM_RUN, 0) < 0)
            {
                return false;
            }

            if (run->exit_reason == Interop.KVM_EXIT_IO)
            {
                return run->io_direction == Interop.KVM_EXIT_IO_OUT && run->io_port == KvmProbeGuest.ReportPort
                    && run->io_data_offset < (ulong)runSize && ((byte*)run)[run->io_data_offset] == KvmProbeGuest.Success;
            }
        }

        return false;
    }

    static void BlockCallBackSignal()
    {
        var set = stackalloc byte[Interop.OpaqueSize];
        _ = Interop.sigemptyset(set);
        _ = Interop.sigaddset(set, CallBackSignal);
        _ = Interop.pthread_sigmask(Interop.SIG_BLOCK, set, null);
    }

    // struct kvm_signal_mask: a length, then the signals that stay blocked while the guest runs: none.
    static bool AdmitCallBackSignal(SafeHandle vcpu)
    {
        var mask = stackalloc byte[sizeof(uint) + SignalSetSize];
        new Span<byte>(mask, sizeof(uint) + SignalSetSize).Clear();
        *(uint*)mask = SignalSetSize;
        return Interop.ioctl(vcpu, Interop.KVM_SET_SIGNAL_MASK, mask) == 0;
    }

    static SafeFileHandle Descriptor(int descriptor) => new(descriptor, ownsHandle: true);

    static void Unmap(void* mapping, nuint size)
    {
        if (mapping != Interop.MAP_FAILED)
        {
            _ = Interop.munmap(mapping, size);
        }
    }
}
