using System.Diagnostics;
using System.Globalization;

namespace NitroEnclaves.Cli;

/// <summary>
/// What nitro-cli tells about a failure beside its first line (eif-and-nitro-cli 3.3): AWS's page on the code, with <c>BACKTRACE=1</c> how it
/// came about, and a file with the latter. Only for those who call the command so.
/// </summary>
static class NitroCliBacktrace
{
    const string Variable = "BACKTRACE";
    const string LogsVariable = "NITRO_CLI_LOGS_PATH";
    const string LogsFolder = "/var/log/nitro_enclaves";

    /// <summary>The lines that follow the first one.</summary>
    /// <param name="code">The number of the code.</param>
    /// <param name="action">The command that failed, for example <c>run-enclave</c>.</param>
    /// <param name="exception">Why.</param>
    /// <param name="now">Names the file.</param>
    public static string Describe(int code, string action, Exception exception, DateTimeOffset now)
    {
        var backtrace = Text(action, exception);
        var text = $"\nFor more details, please visit https://docs.aws.amazon.com/enclaves/latest/user/cli-errors.html#E{code:D2}";
        if (Environment.GetEnvironmentVariable(Variable) == "1")
        {
            text += $"\n\nBacktrace:\n{backtrace}";
        }

        return Keep(backtrace, now) is { } path
            ? $"{text}\n\nIf you open a support ticket, please provide the error log found at \"{path}\""
            : text;
    }

    // "run-enclave" is "Run Enclave" there, and an EIF or a PCR is one.
    static string Title(string verb) => string.Join(' ', verb.Split('-').Select(word => word is "eif" or "pcr" ? word.ToUpperInvariant() : CultureInfo.InvariantCulture.TextInfo.ToTitleCase(word)));

    static string Text(string action, Exception exception)
    {
        var messages = new List<string>();
        var root = exception;
        for (var at = exception; at is not null; at = at.InnerException)
        {
            messages.Add(at.Message.ReplaceLineEndings(" "));
            root = at;
        }

        // The place in the source where there are symbols, else the method.
        var frame = new StackTrace(root, fNeedFileInfo: true).GetFrame(0);
        var place = frame?.GetFileName() ?? (frame is not null && DiagnosticMethodInfo.Create(frame) is { } method ? $"{method.DeclaringTypeName}.{method.Name}" : "?");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"  Action: {Title(action)}\n  Subactions:{string.Concat(messages.Select(message => $"\n    {message}"))}\n  Root error file: {place}\n  Root error line: {frame?.GetFileLineNumber() ?? 0}\n  Version: {CallName.NitroCliVersion}");
    }

    static string? Keep(string backtrace, DateTimeOffset now)
    {
        var folder = Environment.GetEnvironmentVariable(LogsVariable) is { Length: > 0 } given ? given : LogsFolder;
        try
        {
            Directory.CreateDirectory(folder);
            var path = string.Create(CultureInfo.InvariantCulture, $"{folder}/err{now.UtcDateTime:yyyy-MM-ddTHH:mm:ss.fffffff}+00:00.log");
            // Never over a file, or behind a link, that somebody has put there.
            using var file = new StreamWriter(new FileStream(path, FileMode.CreateNew, FileAccess.Write));
            file.Write(backtrace);
            return path;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
