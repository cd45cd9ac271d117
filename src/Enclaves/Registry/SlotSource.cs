namespace NitroEnclaves.Enclaves;

/// <summary>Makes the slot numbers of new enclaves. Random, so that an id is not used again after its enclave has ended.</summary>
abstract class SlotSource
{
    public static SlotSource Random { get; } = new RandomSlots();

    /// <summary>One number that somebody else gave.</summary>
    public static SlotSource Of(ulong number) => new GivenSlot(number);

    /// <summary>Another slot number, not zero; null when there is no other.</summary>
    public abstract ulong? Next();

    sealed class RandomSlots : SlotSource
    {
        public override ulong? Next()
        {
            // A GUID's last eight bytes are random but for two bits, and come from the kernel; a cryptographic library would have to be loaded.
            Span<byte> bytes = stackalloc byte[2 * sizeof(ulong)];
            Guid.NewGuid().TryWriteBytes(bytes);
            return BitConverter.ToUInt64(bytes[sizeof(ulong)..]) | 1;
        }
    }

    sealed class GivenSlot(ulong number) : SlotSource
    {
        ulong? _number = number;

        public override ulong? Next()
        {
            var next = _number;
            _number = null;
            return next;
        }
    }
}
