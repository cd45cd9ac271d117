using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// A driver that refuses what the real one refuses, in its order (eif-and-nitro-cli 3.7); each refusal names its error. What it starts is the
/// test's to play. The rules about page tables and NUMA nodes of memory it cannot see, and does not have.
/// </summary>
sealed class StandInDriver(ScriptedKernel kernel, int threadsPerCore = 2) : NitroDriver
{
    public const ulong ImageOffset = 8 << 20;

    const ulong MiB2 = 2 << 20;

    readonly ConcurrentDictionary<uint, StandInSlot> _cpus = new();
    readonly ConcurrentDictionary<ulong, StandInSlot> _cids = new();
    ulong _slots;

    /// <summary>The enclaves that have been made and not ended, by slot.</summary>
    public ConcurrentDictionary<ulong, StandInSlot> Slots { get; } = new();

    /// <summary>Told of each enclave that starts.</summary>
    public Action<StandInSlot>? Started { get; init; }

    public override NitroSlot CreateEnclave()
    {
        var slot = new StandInSlot(this, Interlocked.Increment(ref _slots) + 0xabc0);
        Slots[slot.Number] = slot;
        return slot;
    }

    static EnclaveException Refuse(string doing, int error) => NitroDriverError.Exception(doing, error);

    internal sealed class StandInSlot(StandInDriver driver, ulong number) : NitroSlot
    {
        readonly TaskCompletionSource _hungUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
        readonly List<uint> _cpus = [];
        int _played;
        readonly List<(nuint Address, ulong Length)> _memory = [];

        public override ulong Number => number;

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

        public override ulong GetImageOffset() => ImageOffset;

        public override void AddMemory(nuint address, ulong length)
        {
            var error = Cid != 0 ? 270
                : length == 0 || length % MiB2 != 0 ? 259
                : address % MiB2 != 0 ? 261
                : _memory.Exists(region => address < region.Address + region.Length && region.Address < address + length) ? 262
                : 0;
            if (error != 0)
            {
                throw Refuse("take a memory region", error);
            }

            _memory.Add((address, length));
        }

        public override uint AddCpu(uint cpu)
        {
            lock (driver)
            {
                var pool = CpuList.Parse(driver.Pool);
                if (cpu == 0)
                {
                    // Cores are given whole: one that the enclave has begun comes first, and one that another has begun is none to choose.
                    cpu = pool.Where(other => !driver._cpus.ContainsKey(other)
                            && driver._cpus.All(given => given.Value == this || driver.CoreOf(given.Key) != driver.CoreOf(other)))
                        .OrderByDescending(other => _cpus.Exists(mine => driver.CoreOf(mine) == driver.CoreOf(other))).ThenBy(driver.CoreOf).FirstOrDefault();
                    if (cpu == 0)
                    {
                        throw Refuse("add a CPU", 272);
                    }
                }

                var error = Cid != 0 ? 270 : !pool.Contains(cpu) ? 257 : driver._cpus.ContainsKey(cpu) ? 256 : 0;
                if (error != 0)
                {
                    throw Refuse("add a CPU", error);
                }

                driver._cpus[cpu] = this;
                _cpus.Add(cpu);
                return cpu;
            }
        }

        public override ulong Start(bool debugMode, ulong cid)
        {
            var error = Cid != 0 ? 270
                : _memory.Count == 0 ? 266
                : MemoryLength < 64 << 20 ? 268
                : _cpus.Count == 0 ? 267
                : _cpus.GroupBy(driver.CoreOf).Any(core => core.Count() != driver.Threads) ? 269
                : cid is 1 or 2 or 3 or > uint.MaxValue || (cid != 0 && !driver._cids.TryAdd(cid, this)) ? 275
                : 0;
            if (error != 0)
            {
                throw Refuse("start the enclave", error);
            }

            (Cid, IsDebugMode) = ((uint)cid, debugMode);
            driver.Started?.Invoke(this);
            return cid;
        }

        public override void Dispose()
        {
            lock (driver)
            {
                _cpus.ForEach(cpu => driver._cpus.TryRemove(cpu, out _));
                driver._cids.TryRemove(Cid, out _);
                driver.Slots.TryRemove(number, out _);
            }

            _hungUp.TrySetResult();
        }
    }

    string Pool => kernel.Pool;

    int Threads => threadsPerCore;

    // ScriptedKernel.Cores: CPU n and CPU n + stride share a core.
    uint CoreOf(uint cpu) => cpu % kernel.CoreCount;
}
