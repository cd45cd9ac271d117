using NitroEnclaves.Tests;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Options and slots for tests.</summary>
static class Samples
{
    public const string Parent = "i-0123456789abcdef0";

    public static string EifPath => TestVectors.Own("eif", "eif", "01_x86_1rd.eif");

    /// <summary>Options that break no rule.</summary>
    public static EnclaveOptions Options { get; } = new()
    {
        EifPath = EifPath,
        MemoryMiB = 256,
        CpuCount = 2,
        ParentInstanceId = Parent,
    };

    /// <summary>Slots 1, 2, 3, ...</summary>
    public static SlotSource Counting() => new CountingSlots();

    sealed class CountingSlots : SlotSource
    {
        ulong _last;

        public override ulong? Next() => ++_last;
    }
}
