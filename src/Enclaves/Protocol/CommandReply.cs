namespace NitroEnclaves.Enclaves;

/// <summary>One framed reply; exactly one field is set.</summary>
readonly record struct CommandReply
{
    public string? Output { get; init; }

    public string? Error { get; init; }

    public int? Status { get; init; }

    public byte[]? ConsoleOutput { get; init; }
}
