using System.CommandLine;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro terminate-enclave</c>: ends one enclave, or all.</summary>
static class TerminateEnclaveCommand
{
    public static Command Create()
    {
        var selection = new EnclaveSelection();
        var all = new Option<bool>("--all") { Description = "End all running enclaves." };
        var command = new Command("terminate-enclave", "End an enclave.") { all };
        selection.AddTo(command, all);
        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(async () =>
        {
            var registry = new EnclaveRegistry();
            if (parsed.GetValue(all))
            {
                var ended = new List<EnclaveTermination>();
                foreach (var entry in await registry.ListAsync(cancellationToken))
                {
                    ended.Add(await TerminateAsync(registry, entry, cancellationToken));
                }

                Console.Out.WriteLine(EnclaveJson.Write(ended));
                return ExitCodes.Success;
            }

            Console.Out.WriteLine(EnclaveJson.Write(await TerminateAsync(registry, await selection.FindAsync(parsed, registry, cancellationToken), cancellationToken)));
            return ExitCodes.Success;
        }));
        return command;
    }

    static async Task<EnclaveTermination> TerminateAsync(EnclaveRegistry registry, EnclaveEntry entry, CancellationToken cancellationToken)
    {
        var ended = await registry.Connect(entry.Id).TerminateAsync(cancellationToken);
        await Console.Error.WriteLineAsync($"Successfully terminated enclave {entry.Id}.");
        return ended;
    }
}
