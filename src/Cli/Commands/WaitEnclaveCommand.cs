using System.CommandLine;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro wait-enclave</c>: waits for an enclave's end and ends as it did.</summary>
static class WaitEnclaveCommand
{
    // As shells report a child that a signal has ended.
    const int SignalBase = 128;

    public static Command Create()
    {
        var selection = new EnclaveSelection();
        var command = new Command(
            "wait-enclave",
            "Wait until an enclave has ended for good, its restarts included, and print how. The exit code is that of its program, 128 and the signal that ended it, 0 if it was terminated from outside, 1 if its status is unknown or what ran it failed.");
        selection.AddTo(command);
        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(async () =>
        {
            var registry = new EnclaveRegistry();
            var enclave = await selection.FindAsync(parsed, registry, cancellationToken);
            var end = await registry.Connect(enclave.Id).WaitAsync(cancellationToken);
            Console.Out.WriteLine(EnclaveJson.Write(end));
            return ExitCode(end);
        }));
        return command;
    }

    internal static int ExitCode(EnclaveEnd end) => end switch
    {
        { Kind: EnclaveEndKind.Exited, Status: { } status } => status,
        { Kind: EnclaveEndKind.Signaled, Status: { } signal } => SignalBase + signal,
        { Kind: EnclaveEndKind.Terminated } => ExitCodes.Success,
        _ => 1,
    };
}
