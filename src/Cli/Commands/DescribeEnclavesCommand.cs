using System.CommandLine;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro describe-enclaves</c>: the running enclaves as a JSON array.</summary>
static class DescribeEnclavesCommand
{
    public static Command Create()
    {
        var metadata = new Option<bool>("--metadata") { Description = "Print the images' metadata too." };
        var command = new Command("describe-enclaves", "Describe the running enclaves.") { metadata };
        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(async () =>
        {
            var descriptions = await new EnclaveRegistry().DescribeAllAsync(parsed.GetValue(metadata), cancellationToken);
            if (descriptions.Silent.Count > 0)
            {
                await Console.Error.WriteLineAsync($"Failed connections: {descriptions.Silent.Count}");
            }

            Console.Out.WriteLine(EnclaveJson.Write(descriptions.Answered));
            descriptions.ThrowIfSilent();
            return ExitCodes.Success;
        }));
        return command;
    }
}
