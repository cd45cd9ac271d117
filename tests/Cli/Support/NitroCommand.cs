using System.Diagnostics;

namespace NitroEnclaves.Cli.Tests;

/// <summary>Runs the command as users do: a process with arguments, variables, input, output and an exit code.</summary>
static class NitroCommand
{
    static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    /// <summary>Runs a command line whose arguments hold no spaces.</summary>
    public static CommandResult Run(string line) => Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Runs the command to its end.</summary>
    public static CommandResult Run(IEnumerable<string> arguments, string input = "", params (string Name, string Value)[] environment) =>
        RunAs(FilePath, arguments, input, environment);

    /// <summary>The command's file.</summary>
    public static string FilePath { get; } = Path.Combine(AppContext.BaseDirectory, "nitro");

    /// <summary>Runs the command under another name.</summary>
    public static CommandResult RunAs(string path, IEnumerable<string> arguments, string input = "", params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Not into the machine's own log.
        start.Environment["NITRO_CLI_LOGS_PATH"] = Path.Combine(Path.GetTempPath(), "nitro-cli-tests");
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading; its exit code tells.
        }

        if (!process.WaitForExit(s_limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"nitro {string.Join(' ', arguments)} did not end.");
        }

        return new CommandResult(process.ExitCode, output.Result, error.Result);
    }
}

/// <summary>What became of a run.</summary>
sealed record CommandResult(int ExitCode, string Output, string Error)
{
    /// <summary>The output of a run that succeeded.</summary>
    public string Succeeded()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}\n{Error}\n{Output}");
        return Output;
    }
}
