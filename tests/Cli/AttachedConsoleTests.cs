using NitroEnclaves.Cli.Commands;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Tests;

/// <summary>What <c>run-enclave --attach-console</c> shows of an enclave that has ended before it could attach.</summary>
public sealed class AttachedConsoleTests
{
    [Theory]
    [InlineData("touched 48 MiB", "touched 48 MiB\n")]
    [InlineData("one\ntwo", "one\ntwo\n")]
    [InlineData(null, "")]
    public void The_last_lines_are_whole_lines(string? tail, string expected)
    {
        using var output = new StringWriter { NewLine = "\n" };
        RunEnclaveCommand.WriteTail(new EnclaveEnd(EnclaveEndKind.Exited, 0, "It exited.") { ConsoleTail = tail }, output);
        Assert.Equal(expected, output.ToString());
    }
}
