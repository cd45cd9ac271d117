using System.CommandLine;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Cli.Commands;

/// <summary>
/// <c>nitro kms-emulator</c>: becomes the program <c>nitro-kms-emulator</c>, with the arguments as they are. That one needs ASP.NET Core,
/// and so would this command on every machine if it referenced it (the start itself would cost the same: 1.01 times the processor's time).
/// </summary>
static class KmsEmulatorCommand
{
    const string Verb = "kms-emulator";
    const string ProgramName = "nitro-kms-emulator";

    /// <summary>For the list of commands: the arguments are the other program's to read.</summary>
    public static Command Create() => new(Verb, "Run a local stand-in for AWS KMS that verifies emulated enclaves. It is not KMS.");

    /// <summary>Whether the command line is for the emulator.</summary>
    public static bool Matches(string[] arguments) => arguments is [Verb, ..];

    /// <summary>Becomes the emulator; returns an exit code only where there is none.</summary>
    public static int Run(string[] arguments)
    {
        string[] candidates =
        [
            Path.Combine(AppContext.BaseDirectory, Verb, ProgramName),
            Path.Combine(AppContext.BaseDirectory, ProgramName),
        ];
        if (candidates.FirstOrDefault(File.Exists) is not { } program)
        {
            Console.Error.WriteLine($"error: {ProgramName} is not beside this program. Publish src/Kms.Emulator.Host to {candidates[0]}.");
            return ExitCodes.Misuse;
        }

        _ = Interop.execv(program, [program, .. arguments[1..], null]);
        Console.Error.WriteLine($"error: {program} cannot be started: {Marshal.GetLastPInvokeErrorMessage()}.");
        return ExitCodes.Misuse;
    }
}
