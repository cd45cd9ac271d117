namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The stream of words and the hash over words that <c>Guests/vsock.c</c> has too.</summary>
static class WordHash
{
    public const ulong Start = 0xCBF29CE484222325;

    const ulong Prime = 0x100000001B3;

    /// <summary>FNV-1a, a word of 64 bits at a time.</summary>
    public static ulong Add(ulong hash, ReadOnlySpan<ulong> words)
    {
        foreach (var word in words)
        {
            hash = (hash ^ word) * Prime;
        }

        return hash;
    }

    /// <summary>The next words of the stream (xorshift; the state begins with 1).</summary>
    public static void Generate(Span<ulong> words, ref ulong state)
    {
        foreach (ref var word in words)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word = state;
        }
    }
}
