namespace NitroEnclaves.Enclaves;

/// <summary>
/// One step of a <see cref="LaunchProgram"/>: a system call, and which step follows for which result. A step that names no follower goes on
/// with the next one, and one that names none for errors ends the program.
/// </summary>
sealed class LaunchStep
{
    /// <summary>The call.</summary>
    public required SystemCall Call { get; init; }

    /// <summary>Up to six arguments: numbers, or addresses in the program.</summary>
    public required ulong[] Arguments { get; init; }

    /// <summary>What the step is for, to follow "cannot"; shown when it fails.</summary>
    public required string Purpose { get; init; }

    /// <summary>The address that takes the result (8 bytes); null for none.</summary>
    public ulong? ResultAddress { get; init; }

    /// <summary>The result that has a follower of its own.</summary>
    public long Expected { get; set; }

    /// <summary>What follows that result.</summary>
    public LaunchStep? OnExpected { get; set; }

    /// <summary>What follows an error; null ends the program with a report.</summary>
    public LaunchStep? OnError { get; set; }

    /// <summary>Whether an error is as good as a success.</summary>
    public bool IsErrorTolerated { get; init; }

    /// <summary>Whether the next step is done in this one's place when it fails, and left out when it succeeds.</summary>
    public bool HasAlternative { get; init; }

    /// <summary>What follows any other result.</summary>
    public LaunchStep? OnOther { get; set; }
}
