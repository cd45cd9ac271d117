using System.Globalization;

namespace NitroEnclaves.Cli;

/// <summary>
/// One line on a terminal that says how far a piece of work is: written over at most ten times a second, from the first second
/// on, and gone when the work is done. Nothing where the output is no terminal.
/// </summary>
/// <param name="output">Where the line goes: stderr.</param>
/// <param name="isTerminal">Whether that is a terminal.</param>
/// <param name="title">What is done, for example "Measuring".</param>
/// <param name="total">The bytes in all; null where nobody knows.</param>
/// <param name="time">The clock.</param>
sealed class TerminalProgress(TextWriter output, bool isTerminal, string title, long? total, TimeProvider time) : IProgress<long>, IDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);
    static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    readonly long _started = time.GetTimestamp();
    TimeSpan _next = s_patience;
    int _width;

    /// <summary>Progress on stderr.</summary>
    /// <param name="title">What is done.</param>
    /// <param name="total">The bytes in all; null where nobody knows.</param>
    public static TerminalProgress OnStandardError(string title, long? total = null) =>
        new(Console.Error, !Console.IsErrorRedirected, title, total, TimeProvider.System);

    /// <summary>Progress over a file's length on stderr; a file that is missing has none.</summary>
    public static TerminalProgress OverFile(string title, string path) =>
        OnStandardError(title, new FileInfo(path) is { Exists: true, Length: var length } ? length : null);

    /// <summary>Tells the bytes done so far.</summary>
    public void Report(long value)
    {
        if (!isTerminal)
        {
            return;
        }

        var elapsed = time.GetElapsedTime(_started);
        if (elapsed < _next)
        {
            return;
        }

        _next = elapsed + s_interval;
        var line = total is > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{title}: {value >> 20} of {total >> 20} MiB ({100 * Math.Min(value, total.Value) / total} %)")
            : string.Create(CultureInfo.InvariantCulture, $"{title}: {value >> 20} MiB");
        output.Write($"\r{line.PadRight(_width)}");
        output.Flush();
        _width = line.Length;
    }

    /// <summary>Takes the line away.</summary>
    public void Dispose()
    {
        if (_width > 0)
        {
            output.Write($"\r{new string(' ', _width)}\r");
            output.Flush();
            _width = 0;
        }
    }
}
