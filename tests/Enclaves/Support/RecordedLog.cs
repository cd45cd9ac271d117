namespace NitroEnclaves.Enclaves.Tests;

/// <summary>A log that keeps its lines.</summary>
sealed class RecordedLog : IEnclaveLogOutput
{
    public List<EnclaveLogLine> Lines { get; } = [];

    public void Write(EnclaveLogLine line)
    {
        lock (Lines)
        {
            Lines.Add(line);
        }
    }
}
