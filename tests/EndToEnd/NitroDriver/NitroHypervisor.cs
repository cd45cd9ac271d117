using System.Buffers.Binary;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// What stands behind the PCI device: slots that the driver fills with memory and vCPUs, and starts. An enclave is started for real, from
/// the image that lies in the memory which the parent has given away, by <see cref="NitroEnclaveStarter"/>.
/// </summary>
sealed class NitroHypervisor(NitroEnclaveStarter starter) : IAsyncDisposable
{
    const int EINVAL = 22;
    const int ENOENT = 2;

    // Enough for an enclave of 2 MiB pages, of which this parent has more: its driver can be brought to the limit.
    const ulong MaxMemoryRegions = 100;
    const uint FirstCid = 100;

    readonly Lock _lock = new();
    readonly SortedDictionary<ulong, NitroSlot> _slots = [];
    readonly List<Task> _ends = [];
    ulong _lastSlot = 0x17;

    public GuestPhysicalMemory Memory { get; } = new();

    /// <summary>An enclave has changed its state by itself.</summary>
    public event Action? StateChanged;

    /// <summary>What the driver has asked for, in order.</summary>
    public List<NitroCommand> Commands { get; } = [];

    /// <summary>The slots that are in use.</summary>
    public IReadOnlyList<NitroSlot> Slots
    {
        get
        {
            lock (_lock)
            {
                return [.. _slots.Values];
            }
        }
    }

    /// <summary>Does what the driver asks and answers; takes no longer than a register access may.</summary>
    public byte[] Execute(NitroCommand command, ReadOnlySpan<byte> request)
    {
        lock (_lock)
        {
            Commands.Add(command);
            var first = BinaryPrimitives.ReadUInt64LittleEndian(request);
            var second = BinaryPrimitives.ReadUInt64LittleEndian(request[8..]);
            var third = BinaryPrimitives.ReadUInt64LittleEndian(request[16..]);
            var slot = _slots.GetValueOrDefault(first);
            var reply = command switch
            {
                NitroCommand.SlotAllocate => Allocate(),
                NitroCommand.SlotCount => new NitroReply { SlotCount = (ulong)_slots.Count },
                _ when slot is null => NitroReply.Error(ENOENT),
                NitroCommand.SlotFree => Free(slot),
                NitroCommand.SlotAddMemory => AddMemory(slot, second, third),
                NitroCommand.SlotAddVcpu => AddVcpu(slot, (uint)second),
                NitroCommand.EnclaveStart => Start(slot, (uint)second, third),
                NitroCommand.EnclaveStop => Stop(slot),
                NitroCommand.SlotInfo => Describe(slot),
                _ => NitroReply.Error(EINVAL),
            };
            return reply.ToBytes();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var slot in Slots)
        {
            Stop(slot);
        }

        await Task.WhenAll(_ends);
    }

    NitroReply Allocate()
    {
        var slot = new NitroSlot { Number = ++_lastSlot };
        _slots.Add(slot.Number, slot);
        return Describe(slot);
    }

    NitroReply Free(NitroSlot slot)
    {
        _slots.Remove(slot.Number);
        return Describe(slot);
    }

    static NitroReply AddMemory(NitroSlot slot, ulong address, ulong size)
    {
        slot.Memory.Add((address, size));
        return Describe(slot);
    }

    static NitroReply AddVcpu(NitroSlot slot, uint cpu)
    {
        slot.Vcpus.Add(cpu);
        return Describe(slot);
    }

    NitroReply Start(NitroSlot slot, uint cid, ulong flags)
    {
        slot.Cid = cid == 0 ? FirstCid + (uint)slot.Number : cid;
        slot.Flags = flags;
        slot.State = NitroSlotState.Running;
        slot.Stopping = new CancellationTokenSource();
        _ends.Add(RunAsync(slot, slot.Stopping.Token));
        return Describe(slot);
    }

    static NitroReply Stop(NitroSlot slot)
    {
        slot.State = NitroSlotState.Stopped;
        slot.Stopping?.Cancel();
        return Describe(slot);
    }

    async Task RunAsync(NitroSlot slot, CancellationToken stop)
    {
        await Task.Yield();
        await starter.RunAsync(slot, Memory, stop);
        var byItself = false;
        lock (_lock)
        {
            byItself = slot.State == NitroSlotState.Running;
            slot.State = NitroSlotState.Stopped;
        }

        if (byItself)
        {
            StateChanged?.Invoke();
        }
    }

    static NitroReply Describe(NitroSlot slot) => new()
    {
        Slot = slot.Number,
        Cid = slot.Cid,
        MemoryRegions = MaxMemoryRegions,
        MemorySize = slot.MemorySize,
        VcpuCount = (ulong)slot.Vcpus.Count,
        Flags = slot.Flags,
        State = slot.State,
    };
}
