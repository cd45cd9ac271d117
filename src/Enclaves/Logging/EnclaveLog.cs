using System.Text;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// What happens to one enclave, a line each: in nitro-cli's log file, in its form (eif-and-nitro-cli 3.4), and in the journal of systemd where
/// the command was started from a unit. A log that cannot be written holds no enclave up.
/// </summary>
sealed class EnclaveLog
{
    const int LongestText = 4096;

    // nitro-cli's variable, with its names.
    const string LevelVariable = "RUST_LOG";

    readonly IReadOnlyList<IEnclaveLogOutput> _outputs;
    readonly TimeProvider _time;
    readonly Func<string> _source;
    readonly EnclaveLogLevel _least;

    /// <summary>Creates a log.</summary>
    /// <param name="outputs">Where lines go.</param>
    /// <param name="time">The clock of the lines.</param>
    /// <param name="source">Who speaks: the enclave's id, as soon as it has one.</param>
    /// <param name="least">The least level that is written, by nitro-cli's names; null takes <c>RUST_LOG</c>, and what is none takes all.</param>
    public EnclaveLog(IReadOnlyList<IEnclaveLogOutput> outputs, TimeProvider time, Func<string> source, string? least = null)
    {
        (_outputs, _time, _source) = (outputs, time, source);
        _least = (least ?? Environment.GetEnvironmentVariable(LevelVariable) ?? "").ToUpperInvariant() switch
        {
            "ERROR" => EnclaveLogLevel.Error,
            "WARN" => EnclaveLogLevel.Warn,
            _ => EnclaveLogLevel.Info,
        };
    }

    /// <summary>A log that keeps nothing.</summary>
    public static EnclaveLog None { get; } = new([], TimeProvider.System, () => "");

    /// <summary>Writes a line.</summary>
    public void Write(EnclaveLogLevel level, string text)
    {
        if (level > _least)
        {
            return;
        }

        var line = new EnclaveLogLine(_time.GetUtcNow(), level, _source(), OneLine(text));
        foreach (var output in _outputs)
        {
            output.Write(line);
        }
    }

    // Names and messages may come from outside: a line stays one line and holds nothing that a terminal would obey.
    static string OneLine(string text)
    {
        var line = new StringBuilder(Math.Min(text.Length, LongestText));
        foreach (var character in text.AsSpan(0, Math.Min(text.Length, LongestText)))
        {
            line.Append(char.IsControl(character) ? ' ' : character);
        }

        return line.ToString();
    }
}
