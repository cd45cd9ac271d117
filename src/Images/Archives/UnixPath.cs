using System.Text;

namespace NitroEnclaves.Images;

/// <summary>
/// Names in archives and on Unix are bytes. Here they are text: UTF-8, with each byte that is no part of valid UTF-8 kept as the
/// lone surrogate U+DC00 + byte (Python's "surrogateescape"), so that every name survives the way in and out.
/// </summary>
static class UnixPath
{
    /// <summary>The longest path Linux takes, with its terminator.</summary>
    public const int MaxLength = 4096;

    /// <summary>The longest name within a folder, in bytes.</summary>
    public const int MaxNameLength = 255;

    /// <summary>Bytes to text.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out int consumed) == System.Buffers.OperationStatus.Done)
            {
                text.Append(rune.ToString());
            }
            else
            {
                consumed = 1;
                text.Append((char)(0xDC00 + bytes[0]));
            }

            bytes = bytes[consumed..];
        }

        return text.ToString();
    }

    /// <summary>Text to bytes.</summary>
    /// <exception cref="ArgumentException">The text holds half of a surrogate pair that stands for no byte.</exception>
    public static byte[] Encode(string text)
    {
        var bytes = new List<byte>(text.Length);
        Span<byte> utf8 = stackalloc byte[4];
        for (int i = 0; i < text.Length;)
        {
            if (Rune.TryGetRuneAt(text, i, out var rune))
            {
                bytes.AddRange(utf8[..rune.EncodeToUtf8(utf8)]);
                i += rune.Utf16SequenceLength;
            }
            else if (text[i] is >= '\uDC80' and <= '\uDCFF')
            {
                bytes.Add((byte)text[i++]);
            }
            else
            {
                throw new ArgumentException("The name holds half of a surrogate pair.", nameof(text));
            }
        }

        return [.. bytes];
    }
}
