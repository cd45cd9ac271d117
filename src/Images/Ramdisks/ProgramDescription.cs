namespace NitroEnclaves.Images;

/// <summary>What init starts, and how: the files <c>cmd</c>, <c>env</c>, <c>workdir</c> and <c>user</c> of the second ramdisk.</summary>
/// <remarks>AWS's init reads the first two, an entry a line, and starts the program in "/" as root whatever the others say.</remarks>
public sealed class ProgramDescription
{
    /// <summary>The program and its arguments, at least the program.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>Environment variables, each as "NAME=value".</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>The folder to start in, absolute; null for "/".</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>The user to start as, as container images write it ("user", "uid", "user:group"); null for root.</summary>
    public string? User { get; init; }

    /// <summary>The file <c>cmd</c>.</summary>
    /// <exception cref="ArgumentException">There is no command, or an entry holds a line feed or a NUL.</exception>
    internal byte[] EncodeCommand() =>
        Command.Count > 0 ? EncodeLines(Command) : throw new ArgumentException("There is no command to start.");

    /// <summary>The file <c>env</c>.</summary>
    /// <exception cref="ArgumentException">An entry has no name, or holds a line feed or a NUL.</exception>
    internal byte[] EncodeEnvironment()
    {
        foreach (string variable in Environment)
        {
            if (variable.IndexOf('=', StringComparison.Ordinal) <= 0)
            {
                throw new ArgumentException($"'{variable}' is not of the form NAME=value.");
            }
        }

        return EncodeLines(Environment);
    }

    /// <summary>The file <c>workdir</c>; null for none.</summary>
    /// <exception cref="ArgumentException">The folder is not absolute, or holds a line feed or a NUL.</exception>
    internal byte[]? EncodeWorkingDirectory() => WorkingDirectory switch
    {
        null => null,
        _ when WorkingDirectory.StartsWith('/') => EncodeLines([WorkingDirectory]),
        _ => throw new ArgumentException($"The working directory '{WorkingDirectory}' is not absolute."),
    };

    /// <summary>The file <c>user</c>; null for none.</summary>
    /// <exception cref="ArgumentException">The user is empty, or holds a line feed or a NUL.</exception>
    internal byte[]? EncodeUser() => User switch
    {
        null => null,
        "" => throw new ArgumentException("The user is empty."),
        _ => EncodeLines([User]),
    };

    static byte[] EncodeLines(IReadOnlyList<string> entries)
    {
        using var lines = new MemoryStream();
        foreach (string entry in entries)
        {
            // Entries are told apart by line feeds and there is no escape, so one inside would arrive as two.
            if (entry.AsSpan().ContainsAny('\n', '\0'))
            {
                throw new ArgumentException($"'{entry}' holds a line feed or a NUL, which init's files cannot carry.");
            }

            lines.Write(UnixPath.Encode(entry));
            lines.WriteByte((byte)'\n');
        }

        return lines.ToArray();
    }
}
