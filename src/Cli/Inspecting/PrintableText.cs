using System.Globalization;
using System.Text;

namespace NitroEnclaves.Cli.Inspecting;

/// <summary>Text out of an image, fit for a terminal: what would move the cursor or colour the rest is written as an escape.</summary>
static class PrintableText
{
    /// <summary>The text with control and format characters, and halves of surrogate pairs, as <c>\uXXXX</c>.</summary>
    public static string Of(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
            {
                result.Append(text[i]).Append(text[++i]);
            }
            else if (char.IsControl(text[i]) || char.IsSurrogate(text[i])
                || CharUnicodeInfo.GetUnicodeCategory(text[i]) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
            {
                result.Append(CultureInfo.InvariantCulture, $"\\u{(int)text[i]:x4}");
            }
            else
            {
                result.Append(text[i]);
            }
        }

        return result.ToString();
    }
}
