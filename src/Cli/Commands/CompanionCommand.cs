using System.CommandLine;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Cli.Commands;

/// <summary>
/// A verb that becomes a program of its own, with the arguments as they are. Those programs need ASP.NET Core, and so would this command
/// on every machine if it referenced it (the start itself would cost the same: 1.01 times the processor's time).
/// </summary>
/// <param name="Verb">The verb.</param>
/// <param name="Project">The folder of the program's project in <c>src/</c>.</param>
/// <param name="Description">For the list of commands; the arguments are the other program's to read.</param>
sealed record CompanionCommand(string Verb, string Project, string Description)
{
    /// <summary><c>nitro kms-emulator</c>.</summary>
    public static CompanionCommand KmsEmulator { get; } =
        new("kms-emulator", "Kms.Emulator.Host", "Run a local stand-in for AWS KMS that verifies emulated enclaves. It is not KMS.");

    /// <summary><c>nitro serve</c>.</summary>
    public static CompanionCommand Serve { get; } =
        new("serve", "Serve", "Serve this user's enclaves over HTTP on a Unix socket: run, describe, terminate, consoles, events, metrics.");

    /// <summary>The one that a command line is for; null where it is this program's.</summary>
    public static CompanionCommand? Find(string[] arguments) => arguments is [var verb, ..] ? new[] { KmsEmulator, Serve }.FirstOrDefault(command => command.Verb == verb) : null;

    /// <summary>For the list of commands.</summary>
    public Command Create() => new(Verb, Description);

    /// <summary>Becomes the program; returns an exit code only where there is none.</summary>
    public int Run(string[] arguments)
    {
        var name = $"nitro-{Verb}";
        string[] candidates = [Path.Combine(AppContext.BaseDirectory, Verb, name), Path.Combine(AppContext.BaseDirectory, name)];
        if (candidates.FirstOrDefault(File.Exists) is not { } program)
        {
            Console.Error.WriteLine($"error: {name} is not beside this program. Publish src/{Project} to {candidates[0]}.");
            return ExitCodes.Misuse;
        }

        _ = Interop.execv(program, [program, .. arguments[1..], null]);
        Console.Error.WriteLine($"error: {program} cannot be started: {Marshal.GetLastPInvokeErrorMessage()}.");
        return ExitCodes.Misuse;
    }
}
