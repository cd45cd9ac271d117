namespace NitroEnclaves.Init;

/// <summary>The form of <c>/cmd</c> and <c>/env</c> in an enclave's ramdisk: one entry a line, nothing escaped.</summary>
/// <remarks>Entries stay bytes: an argument or a variable need not be UTF-8, and reaches the program as it was written.</remarks>
static class LineFile
{
    /// <summary>Splits a file at its line feeds. The last line may lack one; an empty line is an empty entry.</summary>
    /// <param name="path">The file's name, for messages.</param>
    /// <param name="content">The whole file.</param>
    /// <exception cref="InitException">An entry holds a NUL byte, which no argument or variable can carry.</exception>
    internal static List<byte[]> Split(string path, ReadOnlySpan<byte> content)
    {
        var entries = new List<byte[]>();
        while (!content.IsEmpty)
        {
            var end = content.IndexOf((byte)'\n');
            var entry = end < 0 ? content : content[..end];
            content = end < 0 ? default : content[(end + 1)..];
            if (entry.Contains((byte)0))
            {
                throw new InitException($"line {entries.Count + 1} of {path} holds a NUL byte");
            }

            entries.Add(entry.ToArray());
        }

        return entries;
    }
}
