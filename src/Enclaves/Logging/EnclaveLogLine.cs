using System.Globalization;

namespace NitroEnclaves.Enclaves;

/// <summary>A line of the log, without its end.</summary>
readonly record struct EnclaveLogLine(DateTimeOffset Time, EnclaveLogLevel Level, string Source, string Text)
{
    /// <summary>As nitro-cli writes it into its file, with the part of the program in place of its source file.</summary>
    public string ForFile() => string.Create(
        CultureInfo.InvariantCulture,
        $"[{Source}:{Environment.ProcessId}][{Level.ToString().ToUpperInvariant()}][{Time.UtcDateTime:yyyy-MM-ddTHH:mm:ss.fffZ}][enclave] {Text}\n");

    /// <summary>As systemd's journal takes lines from a program's output: a priority in front, no time, which the journal has itself.</summary>
    public string ForJournal() => $"<{Level switch { EnclaveLogLevel.Error => 3, EnclaveLogLevel.Warn => 4, _ => 6 }}>{Source}: {Text}\n";
}
