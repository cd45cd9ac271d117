using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary>How a child process is started.</summary>
sealed record ChildProcessStart
{
    /// <summary>The program; looked for on <c>PATH</c> when it has no slash.</summary>
    public required string FileName { get; init; }

    /// <summary>Its arguments, without its own name.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Its whole environment; null hands ours on.</summary>
    public IReadOnlyDictionary<string, string>? Environment { get; init; }

    /// <summary>The descriptors that it gets from 3 on, in this order. Everything else of ours stays with us.</summary>
    public IReadOnlyList<SafeHandle> Descriptors { get; init; } = [];

    /// <summary>Where its standard output and error go; null is <c>/dev/null</c>, where its input always comes from.</summary>
    public SafeHandle? Output { get; init; }

    /// <summary>The CPUs on which it and all its threads stay; null leaves that to the kernel.</summary>
    public IReadOnlyList<uint>? CpuIds { get; init; }

    /// <summary>
    /// Gives it a table of 256 descriptors from the start. A program of several threads whose table grows waits for every CPU of the machine,
    /// for up to tens of milliseconds; a runtime that maps its assemblies outgrows the table of 64 that a process begins with.
    /// </summary>
    public bool ManyDescriptors { get; init; }

    /// <summary>Makes it the leader of a session of its own, so that no terminal's signals reach it.</summary>
    public bool NewSession { get; init; }
}
