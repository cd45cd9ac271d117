namespace NitroEnclaves.Kms.Emulator;

/// <summary>Patterns of IAM: <c>*</c> stands for any characters, <c>?</c> for one.</summary>
static class Wildcard
{
    /// <summary>Whether a text is of a pattern. Takes no more steps than the product of their lengths.</summary>
    internal static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        int at = 0, next = 0, star = -1, taken = 0;
        while (at < text.Length)
        {
            if (next < pattern.Length && pattern[next] == '*')
            {
                star = next++;
                taken = at;
            }
            else if (next < pattern.Length && (pattern[next] == '?' || pattern[next] == text[at]))
            {
                next++;
                at++;
            }
            else if (star >= 0)
            {
                // Only the last star need take more: what the earlier ones took was as little as could be.
                next = star + 1;
                at = ++taken;
            }
            else
            {
                return false;
            }
        }

        return pattern[next..].TrimStart('*').IsEmpty;
    }
}
