using System.Diagnostics;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>What a program printed and how it ended.</summary>
sealed record ToolResult(int ExitCode, string Output, string Error);

/// <summary>Runs programs as a user's shell would, for at most a few minutes.</summary>
static class Tool
{
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    /// <summary>Runs a program that has to succeed; returns what it printed on its standard output.</summary>
    public static async Task<string> RunAsync(string fileName, IEnumerable<string> arguments)
    {
        var result = await TryRunAsync(fileName, arguments);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException($"{fileName} {string.Join(' ', arguments)} ended with {result.ExitCode}.\n{result.Output}{result.Error}");
    }

    /// <summary>Runs a program, however it ends.</summary>
    public static async Task<ToolResult> TryRunAsync(
        string fileName, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(fileName, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(patience.Token);
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return new ToolResult(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{fileName} {string.Join(' ', arguments)} took more than {s_patience.TotalMinutes} minutes.");
        }
    }
}
