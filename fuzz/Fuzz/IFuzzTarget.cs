namespace NitroEnclaves.Fuzz;

/// <summary>
/// A parser of bytes from outside. One class in one file of <c>Targets/</c>, and a line in <see cref="FuzzTargets.All"/>.
/// </summary>
interface IFuzzTarget
{
    /// <summary>What <c>--target</c> calls it.</summary>
    string Name { get; }

    /// <summary>Inputs to begin with, of our own making, accepted by the parser. The same ones in each run.</summary>
    IEnumerable<byte[]> Seeds { get; }

    /// <summary>
    /// Gives the parser an input. It catches the one exception that the parser's contract names and lets everything else through:
    /// that is a finding, as is taking too long or too much memory. What was accepted is best checked once more in another way.
    /// </summary>
    /// <param name="input">The bytes. They are the run's own and do not change meanwhile.</param>
    void Run(ReadOnlySpan<byte> input);

    /// <summary>
    /// What became of the last input, as a number, where errors are no exceptions: inputs that end in new ways are changed further.
    /// </summary>
    int LastOutcome => 0;
}
