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
                var ending = (await registry.ListAsync(cancellationToken)).Select(entry => TerminateAsync(registry, entry, cancellationToken)).ToArray();
                var ended = Task.WhenAll(ending);
                await Task.WhenAny(ended);
                // What has ended is told, also where another has not.
                Console.Out.WriteLine(EnclaveJson.Write([.. ending.Where(one => one.IsCompletedSuccessfully).Select(one => one.Result)]));
                await ended;
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
