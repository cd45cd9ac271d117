using System.Diagnostics;

namespace NitroEnclaves.Cli.Demo;

/// <summary>Runs a tool of the checkout. What it says on stderr is progress and passes through.</summary>
static class Tool
{
    /// <returns>What it printed on stdout.</returns>
    /// <exception cref="CommandFailure">It is missing or failed; what it printed stands in the message.</exception>
    public static async Task<string> RunAsync(string fileName, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(fileName, arguments) { RedirectStandardOutput = true, RedirectStandardInput = true };
        // The command's own host variables would make the SDK believe it runs inside another build.
        start.Environment.Remove("MSBUILD_EXE_PATH");
        using var process = Start(start);
        process.StandardInput.Close();
        try
        {
            var text = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0
                ? text
                : throw new CommandFailure(48, $"{Path.GetFileName(fileName)} failed with exit code {process.ExitCode}.\n{text.Trim()}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new CommandFailure(48, $"{start.FileName} cannot be started: {exception.Message}");
        }
    }
}
