using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>The bytes that streams of these tests carry: the words of a generator that the guest has too.</summary>
static class WordStream
{
    const ulong Seed = 88172645463325252;
    const int ChunkSize = 256 * 1024;

    /// <summary>Writes so many bytes, a multiple of 8.</summary>
    public static async Task WriteAsync(Stream stream, long bytes)
    {
        var state = Seed;
        var chunk = new byte[ChunkSize];
        for (long left = bytes; left > 0;)
        {
            var count = (int)Math.Min(left, ChunkSize);
            Fill(chunk.AsSpan(0, count), ref state);
            await stream.WriteAsync(chunk.AsMemory(0, count));
            left -= count;
        }
    }

    /// <summary>Reads to the end and checks every word.</summary>
    /// <returns>Bytes read.</returns>
    public static async Task<long> ReadAsync(Stream stream)
    {
        var state = Seed;
        var chunk = new byte[ChunkSize];
        var expected = new byte[ChunkSize];
        long total = 0;
        while (true)
        {
            var read = await stream.ReadAtLeastAsync(chunk, ChunkSize, throwOnEndOfStream: false);
            Fill(expected.AsSpan(0, read & ~7), ref state);
            var wrong = chunk.AsSpan(0, read & ~7).CommonPrefixLength(expected);
            Assert.True(wrong == (read & ~7), $"Byte {total + wrong} is wrong.");
            total += read;
            if (read < ChunkSize)
            {
                return total;
            }
        }
    }

    static void Fill(Span<byte> bytes, ref ulong state)
    {
        foreach (ref var word in MemoryMarshal.Cast<byte, ulong>(bytes))
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word = BitConverter.IsLittleEndian ? state : BinaryPrimitives.ReverseEndianness(state);
        }
    }
}
