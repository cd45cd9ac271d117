using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NitroEnclaves.Images;

/// <summary>
/// CRC-32/ISO-HDLC (polynomial 0xEDB88320 reflected, initial value and final xor 0xFFFFFFFF), the checksum of the EIF header.
/// </summary>
/// <remarks>
/// With carry-less multiplication the data is folded 64 bytes at a time (Gopal et al., "Fast CRC Computation for Generic
/// Polynomials Using PCLMULQDQ", reflected variant); elsewhere eight table look-ups take eight bytes.
/// </remarks>
static class Crc32
{
    const uint Polynomial = 0xEDB88320;
    const int TableCount = 8;

    static readonly uint[] s_tables = CreateTables();

    /// <summary>The checksum of bytes that follow others with the checksum <paramref name="crc"/> (0 for none).</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        uint state = ~crc;
        if (Pclmulqdq.IsSupported && Sse41.IsSupported && data.Length >= 64)
        {
            int folded = data.Length & ~15;
            state = Fold(state, data[..folded]);
            data = data[folded..];
        }

        return ~AppendByTable(state, data);
    }

    /// <summary>The same by tables alone, for machines without carry-less multiplication.</summary>
    internal static uint AppendPortably(uint crc, ReadOnlySpan<byte> data) => ~AppendByTable(~crc, data);

    /// <summary>The checksum of two pieces put together, from the checksum of each and the length of the second.</summary>
    public static uint Combine(uint first, uint second, long secondLength)
    {
        // Appending n zero bytes multiplies the first checksum by x^(8n) modulo the polynomial (bits reflected: x^0 is the top bit).
        uint power = 0x80000000;
        uint factor = 0x00800000;
        for (long n = secondLength; n != 0; n >>= 1)
        {
            if ((n & 1) != 0)
            {
                power = Multiply(factor, power);
            }

            factor = Multiply(factor, factor);
        }

        return Multiply(power, first) ^ second;
    }

    static uint Multiply(uint a, uint b)
    {
        uint product = 0;
        for (uint bit = 0x80000000; bit != 0; bit >>= 1)
        {
            if ((a & bit) != 0)
            {
                product ^= b;
            }

            b = (b & 1) != 0 ? (b >> 1) ^ Polynomial : b >> 1;
        }

        return product;
    }

    static uint AppendByTable(uint state, ReadOnlySpan<byte> data)
    {
        ReadOnlySpan<uint> tables = s_tables;
        while (data.Length >= 8)
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(data) ^ state;
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
            state = tables[(7 << 8) | (byte)low] ^ tables[(6 << 8) | (byte)(low >> 8)]
                ^ tables[(5 << 8) | (byte)(low >> 16)] ^ tables[(4 << 8) | (byte)(low >> 24)]
                ^ tables[(3 << 8) | (byte)high] ^ tables[(2 << 8) | (byte)(high >> 8)]
                ^ tables[(1 << 8) | (byte)(high >> 16)] ^ tables[(byte)(high >> 24)];
            data = data[8..];
        }

        foreach (byte value in data)
        {
            state = (state >> 8) ^ tables[(byte)(state ^ value)];
        }

        return state;
    }

    /// <summary>Folds a multiple of 16 bytes, at least 64, into the state.</summary>
    static uint Fold(uint state, ReadOnlySpan<byte> data)
    {
        // x^(512+32), x^(512-32); x^(128+32), x^(128-32); x^64; the polynomial and its Barrett quotient: all reflected.
        var by64 = Vector128.Create(0x0154442bd4UL, 0x01c6e41596UL);
        var by16 = Vector128.Create(0x01751997d0UL, 0x00ccaa009eUL);
        var by8 = Vector128.Create(0x0163cd6124UL, 0UL);
        var barrett = Vector128.Create(0x01db710641UL, 0x01f7011641UL);

        var blocks = MemoryMarshal.Cast<byte, Vector128<ulong>>(data);
        var x0 = blocks[0] ^ Vector128.CreateScalar(state).AsUInt64();
        var x1 = blocks[1];
        var x2 = blocks[2];
        var x3 = blocks[3];
        blocks = blocks[4..];
        while (blocks.Length >= 4)
        {
            x0 = Step(x0, by64) ^ blocks[0];
            x1 = Step(x1, by64) ^ blocks[1];
            x2 = Step(x2, by64) ^ blocks[2];
            x3 = Step(x3, by64) ^ blocks[3];
            blocks = blocks[4..];
        }

        x0 = Step(x0, by16) ^ x1;
        x0 = Step(x0, by16) ^ x2;
        x0 = Step(x0, by16) ^ x3;
        foreach (var block in blocks)
        {
            x0 = Step(x0, by16) ^ block;
        }

        // 128 bits to 64, to 32 by Barrett's reduction.
        var low32 = Vector128.Create(0xFFFFFFFFu, 0, 0xFFFFFFFFu, 0).AsUInt64();
        x0 = Pclmulqdq.CarrylessMultiply(x0, by16, 0x10) ^ Sse2.ShiftRightLogical128BitLane(x0, 8);
        x0 = Pclmulqdq.CarrylessMultiply(x0 & low32, by8, 0x00) ^ Sse2.ShiftRightLogical128BitLane(x0, 4);
        var quotient = Pclmulqdq.CarrylessMultiply(x0 & low32, barrett, 0x10) & low32;
        x0 ^= Pclmulqdq.CarrylessMultiply(quotient, barrett, 0x00);
        return x0.AsUInt32().GetElement(1);

        static Vector128<ulong> Step(Vector128<ulong> x, Vector128<ulong> k) =>
            Pclmulqdq.CarrylessMultiply(x, k, 0x00) ^ Pclmulqdq.CarrylessMultiply(x, k, 0x11);
    }

    static uint[] CreateTables()
    {
        var tables = new uint[TableCount << 8];
        for (uint i = 0; i < 256; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? (value >> 1) ^ Polynomial : value >> 1;
            }

            tables[i] = value;
        }

        for (int i = 256; i < tables.Length; i++)
        {
            uint previous = tables[i - 256];
            tables[i] = (previous >> 8) ^ tables[(byte)previous];
        }

        return tables;
    }
}
