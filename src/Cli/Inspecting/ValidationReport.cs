using System.Globalization;
using System.Text;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Inspecting;

/// <summary>Findings about an image as people read them, the gravest first, and the answer.</summary>
static class ValidationReport
{
    /// <summary>The whole report, each line ended.</summary>
    public static string Write(IReadOnlyList<EifFinding> findings)
    {
        var text = new StringBuilder();
        foreach (var finding in findings.OrderByDescending(finding => finding.Severity))
        {
            var severity = finding.Severity.ToString().ToLowerInvariant();
            text.Append(CultureInfo.InvariantCulture, $"{severity,-8} {finding.Subject,-12} {PrintableText.Of(finding.Message)}\n");
        }

        text.Append(findings.Any(finding => finding.Severity == EifFindingSeverity.Error)
            ? "This image will not start on EC2.\n"
            : "As far as the file shows, this image will start on EC2.\n");
        return text.ToString();
    }
}
