using NitroEnclaves.Tests;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>A slot of the hypervisor: what an enclave is made of, and the enclave.</summary>
sealed class NitroSlot
{
    public required ulong Number { get; init; }

    /// <summary>The parent's memory, in the order in which it was given.</summary>
    public List<(ulong Address, ulong Size)> Memory { get; } = [];

    public List<uint> Vcpus { get; } = [];

    public NitroSlotState State { get; set; }

    public uint Cid { get; set; }

    public ulong Flags { get; set; }

    /// <summary>Ends the enclave.</summary>
    public CancellationTokenSource? Stopping { get; set; }

    public bool IsDebug => (Flags & 1) != 0;

    public ulong MemorySize => Memory.Aggregate(0ul, (sum, region) => sum + region.Size);
}
