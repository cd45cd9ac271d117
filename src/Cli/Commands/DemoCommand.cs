using System.CommandLine;
using NitroEnclaves.Cli.Demo;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro demo</c>: from a C# project to a verified attestation document, in one go.</summary>
static class DemoCommand
{
    public static Command Create()
    {
        var command = new Command("demo", "Publish a sample service, boot it as an emulated enclave, verify its attestation document, stop it.");
        command.SetAction((_, cancellationToken) => CommandErrors.RunAsync(async () =>
        {
            var checkout = Checkout.Root
                ?? throw new CommandFailure(48, "The demo publishes a sample from the source: run ./nitro demo in a checkout.");
            await new DemoRun(checkout, Console.Out).RunAsync(cancellationToken);
            return ExitCodes.Success;
        }));
        return command;
    }
}
