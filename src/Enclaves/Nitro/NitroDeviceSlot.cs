using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>An enclave's descriptor (eif-and-nitro-cli 3.7). All calls have to come from the process that owns the memory.</summary>
sealed unsafe class NitroDeviceSlot : NitroSlot, IReadyHandler
{
    readonly SafeFileHandle _enclave;
    readonly TaskCompletionSource _hungUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly EventLoop _loop = EventLoop.Start("nitro");
    EventRegistration? _registration;

    public NitroDeviceSlot(SafeFileHandle enclave, ulong number) => (_enclave, Number) = (enclave, number);

    public override ulong Number { get; }

    public override Task HungUp => _hungUp.Task;

    public override ulong GetImageOffset()
    {
        var info = new Interop.ne_image_load_info { flags = Interop.NE_EIF_IMAGE };
        Call(Interop.NE_GET_IMAGE_LOAD_INFO, &info, "say where the image goes");
        return info.memory_offset;
    }

    public override void AddMemory(nuint address, ulong length)
    {
        var region = new Interop.ne_user_memory_region { memory_size = length, userspace_addr = address };
        Call(Interop.NE_SET_USER_MEMORY_REGION, &region, $"take a memory region of {length >> 20} MiB");
    }

    public override uint AddCpu(uint cpu)
    {
        var added = cpu;
        Call(Interop.NE_ADD_VCPU, &added, cpu == 0 ? "add a CPU of its choice" : $"add CPU {cpu}");
        return added;
    }

    public override ulong Start(bool debugMode, ulong cid)
    {
        var start = new Interop.ne_enclave_start_info
        {
            flags = debugMode ? Interop.NE_ENCLAVE_DEBUG_MODE : Interop.NE_ENCLAVE_PRODUCTION_MODE,
            enclave_cid = cid,
        };
        Call(Interop.NE_START_ENCLAVE, &start, "start the enclave");
        // Before the start there is nothing to hang up.
        _loop.Invoke(() => _registration = _loop.Register(_enclave, ReadyEvents.None, this));
        return start.enclave_cid;
    }

    void IReadyHandler.OnReady(ReadyEvents events)
    {
        _registration?.Dispose();
        _hungUp.TrySetResult();
    }

    public override void Dispose()
    {
        _loop.Dispose();
        // Closing ends the enclave and gives its memory and CPUs back.
        _enclave.Dispose();
        _hungUp.TrySetResult();
    }

    void Call(nuint request, void* argument, string doing)
    {
        int result;
        do
        {
            result = Interop.ioctl(_enclave, request, argument);
        }
        while (result < 0 && Marshal.GetLastPInvokeError() == Interop.EINTR);

        if (result < 0)
        {
            throw NitroDriverError.Exception(doing, Marshal.GetLastPInvokeError());
        }
    }
}
