using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using NitroEnclaves.Tests;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// A driver that refuses what the real one refuses, by the rules of <see cref="NitroDriverModel"/>, in the process of the test: pages are what
/// the test says, and what it starts is the test's to play.
/// </summary>
sealed class StandInDriver : NitroDriver, INitroHypervisor, IParentPages
{
    const ulong FirstSlot = 0xabc0;
    const ulong MaxRegions = 1 << 20;
    const int Parent = 1;
    const int EINVAL = 22;

    readonly NitroDriverModel _model;
    ulong _slots = FirstSlot;

    public StandInDriver(ScriptedKernel kernel) =>
        // ScriptedKernel.Cores: CPU n and CPU n + stride share a core.
        _model = new NitroDriverModel(new NitroPool(CpuList.Parse(kernel.Pool), 2 * kernel.CoreCount, 2, cpu => cpu % kernel.CoreCount, 0), this);

    /// <summary>The enclaves that have been made and not ended, by slot.</summary>
    public ConcurrentDictionary<ulong, StandInSlot> Slots { get; } = new();

    public override NitroSlot CreateEnclave()
    {
        var slot = _model.Create(Parent, out var enclave) is { } rule ? throw Refuse("make an enclave", rule) : new StandInSlot(this, enclave!);
        Slots[slot.Number] = slot;
        return slot;
    }

    NitroReply INitroHypervisor.Execute(NitroCommand command, ulong slot, ulong first, ulong second)
    {
        if (command == NitroCommand.EnclaveStart && first != 0 && Slots.Values.Any(other => other.Cid == first))
        {
            return NitroReply.Error(EINVAL);
        }

        return new NitroReply { Slot = command == NitroCommand.SlotAllocate ? ++_slots : slot, MemoryRegions = MaxRegions, Cid = first };
    }

    // Huge pages are the machine's to give; these are as good to everybody but the hardware.
    ParentPage? IParentPages.At(ulong address) => new ParentPage(true, 2 << 20, 0, address);

    static EnclaveException Refuse(string doing, NitroRule rule) => NitroDriverError.Exception(doing, rule.Error);

    internal sealed class StandInSlot(StandInDriver driver, NitroDriverEnclave enclave) : NitroSlot
    {
        readonly TaskCompletionSource _hungUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
        readonly List<(nuint Address, ulong Length)> _memory = [];
        int _played;

        public override ulong Number => enclave.Slot;

        public override Task HungUp => _hungUp.Task;

        public uint Cid { get; private set; }

        public bool IsDebugMode { get; private set; }

        public ulong MemoryLength => _memory.Aggregate(0UL, (sum, region) => sum + region.Length);

        /// <summary>Whether the caller is the first to ask: who plays the enclave does so alone.</summary>
        public bool TakeTurn() => Interlocked.Exchange(ref _played, 1) == 0;

        /// <summary>Ends the enclave as it would itself.</summary>
        public void End() => _hungUp.TrySetResult();

        /// <summary>Reads the enclave's memory as it lies in the enclave.</summary>
        public byte[] Read(ulong offset, int length)
        {
            var bytes = new byte[length];
            var start = 0UL;
            foreach (var (address, size) in _memory)
            {
                for (var i = 0; i < length; i++)
                {
                    if (offset + (ulong)i - start < size)
                    {
                        bytes[i] = Marshal.ReadByte((nint)(address + (nuint)(offset + (ulong)i - start)));
                    }
                }

                start += size;
            }

            return bytes;
        }

        public override ulong GetImageOffset() =>
            enclave.GetImageLoadInfo(1) is { } rule ? throw Refuse("say where the image goes", rule) : NitroDriverEnclave.ImageOffset;

        public override void AddMemory(nuint address, ulong length)
        {
            if (enclave.AddMemory(Parent, 0, length, address, driver) is { } rule)
            {
                throw Refuse("take a memory region", rule);
            }

            _memory.Add((address, length));
        }

        public override uint AddCpu(uint cpu) => enclave.AddVcpu(Parent, ref cpu) is { } rule ? throw Refuse("add a CPU", rule) : cpu;

        public override ulong Start(bool debugMode, ulong cid)
        {
            if (enclave.Start(debugMode ? 1UL : 0, ref cid) is { } rule)
            {
                throw Refuse("start the enclave", rule);
            }

            (Cid, IsDebugMode) = ((uint)cid, debugMode);
            return cid;
        }

        public override void Dispose()
        {
            if (driver.Slots.TryRemove(Number, out _))
            {
                enclave.Release();
            }

            _hungUp.TrySetResult();
        }
    }
}
