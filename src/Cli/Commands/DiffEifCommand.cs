using System.CommandLine;
using NitroEnclaves.Cli.Inspecting;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro diff-eif</c>: why two images differ. Exit code 0 where they do not, 1 where they do, as diff has it.</summary>
static class DiffEifCommand
{
    public static Command Create()
    {
        var left = new Argument<string>("A") { Description = "An image." };
        var right = new Argument<string>("B") { Description = "The image to compare it with." };
        var format = OutputFormatOption.Create(OutputFormat.Table);
        var command = new Command("diff-eif", "Say which section, which word of the command line and which files make two images differ.") { left, right, format };
        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(() =>
        {
            using var first = EifFile.Open(parsed.GetRequiredValue(left));
            using var second = EifFile.Open(parsed.GetRequiredValue(right));
            var differences = EifComparison.Compare(first, second, cancellationToken);
            Console.Out.Write(parsed.GetValue(format) == OutputFormat.Json ? InspectionJson.Write(differences) : DifferenceReport.Write(differences));
            return Task.FromResult(differences.Count == 0 ? ExitCodes.Success : ExitCodes.Different);
        }));
        return command;
    }
}
