namespace NitroEnclaves.Enclaves;

/// <summary>How a child process ended: with a status, or by a signal.</summary>
readonly record struct ChildExit(int? Status, int? Signal)
{
    public override string ToString() => Signal is { } signal ? $"signal {signal}" : $"exit status {Status}";
}
