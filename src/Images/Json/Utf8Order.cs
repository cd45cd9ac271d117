namespace NitroEnclaves.Images;

/// <summary>
/// Orders text by its UTF-8 bytes. UTF-16 units sort the same except that surrogates (code points from U+10000) come before
/// U+E000 to U+FFFF, where UTF-8 has them behind.
/// </summary>
sealed class Utf8Order : IComparer<string>
{
    public static Utf8Order Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        if (x is null || y is null)
        {
            return (x is null ? 0 : 1) - (y is null ? 0 : 1);
        }

        int common = x.AsSpan().CommonPrefixLength(y);
        if (common == x.Length || common == y.Length)
        {
            return x.Length - y.Length;
        }

        return Rank(x[common]) - Rank(y[common]);
    }

    static int Rank(char unit) => char.IsSurrogate(unit) ? unit + 0x10000 : unit;
}
