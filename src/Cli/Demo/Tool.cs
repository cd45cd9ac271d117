using System.Diagnostics;

namespace NitroEnclaves.Cli.Demo;

/// <summary>Runs a tool of the checkout. What it says on stderr is progress and passes through.</summary>
static class Tool
{
    /// <summary>Runs a tool to its end.</summary>
    /// <param name="fileName">The tool.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="cancellationToken">Ends it, with all that it started.</param>
    /// <param name="temporaryFolder">Where it may leave temporary files; null for the usual place.</param>
    /// <param name="input">What it finds on stdin.</param>
    /// <returns>What it printed on stdout.</returns>
    /// <exception cref="CommandFailure">It is missing or failed; what it printed stands in the message.</exception>
    public static async Task<string> RunAsync(
        string fileName, IEnumerable<string> arguments, CancellationToken cancellationToken, string? temporaryFolder = null, string input = "")
    {
        var start = new ProcessStartInfo(fileName, arguments) { RedirectStandardOutput = true, RedirectStandardInput = true };
        if (temporaryFolder is not null)
        {
            start.Environment["TMPDIR"] = temporaryFolder;
        }

        // The command's own host variables would make the SDK believe it runs inside another build.
        start.Environment.Remove("MSBUILD_EXE_PATH");
        using var process = Start(start);
        await process.StandardInput.WriteAsync(input);
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
