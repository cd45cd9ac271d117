namespace NitroEnclaves.Cli.Tests;

/// <summary>A verb becomes a program of its own, with the arguments as they are; what that program does, its own tests tell.</summary>
public sealed class CompanionCommandTests : IDisposable
{
    static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "kms-emulator");

    public void Dispose()
    {
        if (Directory.Exists(s_folder))
        {
            Directory.Delete(s_folder, recursive: true);
        }
    }

    [Fact]
    public void It_becomes_the_program_beside_it_or_says_that_there_is_none()
    {
        Assert.Contains("Publish src/Serve to ", NitroCommand.Run(["serve"]).Error, StringComparison.Ordinal);
        var missing = NitroCommand.Run(["kms-emulator", "--help"]);
        Assert.Equal((2, ""), (missing.ExitCode, missing.Output));
        Assert.Contains("nitro-kms-emulator is not beside this program", missing.Error, StringComparison.Ordinal);

        Directory.CreateDirectory(s_folder);
        var program = Path.Combine(s_folder, "nitro-kms-emulator");
        File.WriteAllText(program, "#!/bin/sh\nprintf '[%s]' \"$@\"\ncat\nexit 7\n");
        Assert.Contains("cannot be started", NitroCommand.Run(["kms-emulator"]).Error, StringComparison.Ordinal);

#pragma warning disable CA1416 // The command's tests run where its programs do: on Linux.
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
#pragma warning restore CA1416
        var became = NitroCommand.Run(["kms-emulator", "--port", "0", "", "two words", "ä"], input: "input");
        Assert.Equal((7, "[--port][0][][two words][ä]input"), (became.ExitCode, became.Output));
    }
}
