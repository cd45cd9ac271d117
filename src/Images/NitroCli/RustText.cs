using System.Globalization;
using System.Text;

namespace NitroEnclaves.Images;

/// <summary>Text as Rust's debug formatting (<c>{:?}</c>) shows it, which nitro-cli's messages are full of.</summary>
static class RustText
{
    /// <summary>A string in quotes, with escapes for quotes, backslashes and what cannot be printed.</summary>
    public static string Debug(string text)
    {
        var result = new StringBuilder("\"");
        foreach (var rune in text.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '"' => result.Append("\\\""),
                '\\' => result.Append("\\\\"),
                '\n' => result.Append("\\n"),
                '\r' => result.Append("\\r"),
                '\t' => result.Append("\\t"),
                0 => result.Append("\\0"),
                _ when Rune.GetUnicodeCategory(
                    rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.OtherNotAssigned
                    or UnicodeCategory.PrivateUse or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
                    || (Rune.IsWhiteSpace(rune) && rune.Value != ' ') =>
                        result.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}"),
                _ => result.Append(rune.ToString()),
            };
        }

        return result.Append('"').ToString();
    }
}
