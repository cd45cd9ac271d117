using System.Globalization;
using System.Text;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Inspecting;

/// <summary>Differences of two images as people read them: a line for each part, and below it what is only in A (-) and only in B (+).</summary>
static class DifferenceReport
{
    /// <summary>The whole report, each line ended.</summary>
    public static string Write(IReadOnlyList<EifDifference> differences)
    {
        if (differences.Count == 0)
        {
            return "The images do not differ.\n";
        }

        var text = new StringBuilder();
        foreach (var part in differences.GroupBy(difference => difference.Part))
        {
            int[] registers = [.. part.SelectMany(difference => difference.Registers).Distinct().Order()];
            var effect = registers.Length == 0 ? "not measured" : $"PCR{string.Join(", ", registers)}";
            text.Append(CultureInfo.InvariantCulture, $"{part.Key} ({effect})\n");
            foreach (var difference in part)
            {
                var subject = difference.Subject is "" or "word" ? "" : difference.Subject + ": ";
                Append(text, '-', subject, difference.Left);
                Append(text, '+', subject, difference.Right);
            }
        }

        int[] all = [.. differences.SelectMany(difference => difference.Registers).Distinct().Order()];
        text.Append(all.Length == 0 ? "All registers are the same.\n" : string.Create(CultureInfo.InvariantCulture, $"PCR{string.Join(", ", all)} {(all.Length == 1 ? "differs" : "differ")}.\n"));
        return text.ToString();
    }

    static void Append(StringBuilder text, char sign, string subject, string? value)
    {
        if (value is not null)
        {
            text.Append("  ").Append(sign).Append(' ').Append(PrintableText.Of(subject)).Append(PrintableText.Of(value)).Append('\n');
        }
    }
}
