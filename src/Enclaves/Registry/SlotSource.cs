using System.Security.Cryptography;

namespace NitroEnclaves.Enclaves;

/// <summary>Makes the slot numbers of new enclaves. Random, so that an id is not used again after its enclave has ended.</summary>
abstract class SlotSource
{
    public static SlotSource Random { get; } = new RandomSlots();

    /// <summary>Another slot number, not zero.</summary>
    public abstract ulong Next();

    sealed class RandomSlots : SlotSource
    {
        public override ulong Next()
        {
            Span<byte> bytes = stackalloc byte[sizeof(ulong)];
            RandomNumberGenerator.Fill(bytes);
            return BitConverter.ToUInt64(bytes) | 1;
        }
    }
}
