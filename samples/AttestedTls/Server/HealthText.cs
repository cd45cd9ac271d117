using System.Text;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AttestedTls.Server;

/// <summary>The health of the service as text: its status, then a line for each rule of the guard.</summary>
static class HealthText
{
    /// <summary>Writes a report as the response.</summary>
    public static Task WriteAsync(HttpContext context, HealthReport report)
    {
        var text = new StringBuilder().AppendLine(report.Status.ToString());
        foreach (var (rule, finding) in report.Entries.Values.SelectMany(entry => entry.Data))
        {
            text.AppendLine($"{rule}: {finding}");
        }

        return context.Response.WriteAsync(text.ToString());
    }
}
