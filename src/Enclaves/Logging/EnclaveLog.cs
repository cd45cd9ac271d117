using System.Text;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// What happens to one enclave, a line each: in nitro-cli's log file, in its form (eif-and-nitro-cli 3.4), and in the journal of systemd where
/// the command was started from a unit. A log that cannot be written holds no enclave up.
/// </summary>
sealed class EnclaveLog
{
    const int LongestText = 4096;

    readonly IReadOnlyList<IEnclaveLogOutput> _outputs;
    readonly TimeProvider _time;
    readonly Func<string> _source;

    /// <summary>Creates a log.</summary>
    /// <param name="outputs">Where lines go.</param>
    /// <param name="time">The clock of the lines.</param>
    /// <param name="source">Who speaks: the enclave's id, as soon as it has one.</param>
    public EnclaveLog(IReadOnlyList<IEnclaveLogOutput> outputs, TimeProvider time, Func<string> source) => (_outputs, _time, _source) = (outputs, time, source);

    /// <summary>A log that keeps nothing.</summary>
    public static EnclaveLog None { get; } = new([], TimeProvider.System, () => "");

    /// <summary>Writes a line.</summary>
    public void Write(EnclaveLogLevel level, string text)
    {
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
