using System.Buffers.Binary;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// What stands behind the driver: slots that it fills with memory and vCPUs, and starts. An enclave is started for real, from the image that
/// lies in the memory which the parent has given away, by <see cref="NitroEnclaveStarter"/>.
/// </summary>
sealed class NitroHypervisor(NitroEnclaveStarter starter, IParentMemory memory) : INitroHypervisor, IAsyncDisposable
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

    /// <summary>An enclave has changed its state by itself.</summary>
    public event Action? StateChanged;

    /// <summary>What the driver has asked for, in order.</summary>
    public List<NitroCommand> Commands { get; } = [];

    /// <summary>Whether nothing runs, of whatever slot.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_lock)
            {
                return _slots.Count == 0 && _ends.TrueForAll(end => end.IsCompleted);
            }
        }
    }

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

    /// <summary>Does what the driver asks in its registers and answers there.</summary>
    public byte[] Execute(NitroCommand command, ReadOnlySpan<byte> request) => Execute(
        command, BinaryPrimitives.ReadUInt64LittleEndian(request), BinaryPrimitives.ReadUInt64LittleEndian(request[8..]),
        BinaryPrimitives.ReadUInt64LittleEndian(request[16..])).ToBytes();

    /// <summary>Does what the driver asks; takes no longer than a register access may.</summary>
    public NitroReply Execute(NitroCommand command, ulong number = 0, ulong first = 0, ulong second = 0)
    {
        lock (_lock)
        {
            Commands.Add(command);
            var slot = _slots.GetValueOrDefault(number);
            return command switch
            {
                NitroCommand.SlotAllocate => Allocate(),
                NitroCommand.SlotCount => new NitroReply { SlotCount = (ulong)_slots.Count },
                _ when slot is null => NitroReply.Error(ENOENT),
                NitroCommand.SlotFree => Free(slot),
                NitroCommand.SlotAddMemory => AddMemory(slot, first, second),
                NitroCommand.SlotAddVcpu => AddVcpu(slot, (uint)first),
                NitroCommand.EnclaveStart => Start(slot, (uint)first, second),
                NitroCommand.EnclaveStop => Stop(slot),
                NitroCommand.SlotInfo => Describe(slot),
                _ => NitroReply.Error(EINVAL),
            };
        }
    }

    /// <summary>
    /// The Unix socket that leads to what is at a CID: an enclave, or at the hypervisor's own the console of the one debug enclave that tests
    /// have at a time.
    /// </summary>
    public string? PathOf(uint cid) => cid == 0
        ? Slots.Where(slot => slot is { IsDebug: true, State: NitroSlotState.Running }).Select(slot => starter.ConsolePath(slot.Cid)).FirstOrDefault()
        : starter.VsockPath(cid);

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
        // With what number AWS's refuses that is not known.
        if (cid != 0 && _slots.Values.Any(other => other.Cid == cid))
        {
            return NitroReply.Error(EINVAL);
        }

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
        await starter.RunAsync(slot, memory, stop);
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
