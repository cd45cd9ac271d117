using System.CommandLine;
using System.Runtime.InteropServices;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro exec</c>: runs a program inside an enclave of the process engine, for looking inside while developing.</summary>
static class ExecCommand
{
    /// <summary>The verb.</summary>
    public const string Name = "exec";

    public static Command Create()
    {
        var enclave = new Argument<string>("enclave") { Description = "The enclave's name or id." };
        var program = new Argument<string[]>("command")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = "The program in the enclave and its arguments, after --.",
        };
        var command = new Command(
            Name, "Run a program inside an enclave of the process engine in debug mode, on this terminal. Ends with the program's exit status.")
        {
            enclave, program,
        };
        command.SetAction((parsed, _) => CommandErrors.RunAsync(async () =>
        {
            // They are the program's, whose process group this one is in; ended by SIGTERM, this process takes the program with it.
            using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
            using var quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, context => context.Cancel = true);
            var registry = new EnclaveRegistry();
            return await registry.Connect(Find(registry, parsed.GetRequiredValue(enclave)).Id).ExecuteAsync(parsed.GetRequiredValue(program), CancellationToken.None);
        }));
        return command;
    }

    static EnclaveEntry Find(EnclaveRegistry registry, string enclave) =>
        registry.List().FirstOrDefault(entry => entry.Id == enclave) ?? registry.FindByName(enclave);
}
