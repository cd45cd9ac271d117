using System.CommandLine;
using NitroEnclaves.Cli.Inspecting;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro validate-eif</c>: will this image start on EC2? Exit code 0 for as far as one can see, 1 for no.</summary>
static class ValidateEifCommand
{
    public static Command Create()
    {
        var eif = new Option<string>("--eif-path") { Required = true, HelpName = "FILE", Description = "The image." };
        var memory = new Option<string?>("--memory") { HelpName = "MiB", Description = "The memory that the enclave shall have, in MiB, or with M, G or T." };
        var at = new Option<DateTimeOffset?>("--at") { HelpName = "TIME", Description = "The time at which a signing certificate must be valid (default: now)." };
        var format = OutputFormatOption.Create(OutputFormat.Table);
        var command = new Command("validate-eif", "Say whether an image will start on EC2, and what speaks against it.") { eif, memory, at, format };
        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(() =>
        {
            var path = parsed.GetRequiredValue(eif);
            long? mebibytes = parsed.GetValue(memory) is { } text ? (long)MemorySize.ParseMiB(text) : null;
            IReadOnlyList<EifFinding> findings;
            using (var progress = TerminalProgress.OverFile("Reading", path))
            {
                findings = EifValidation.Validate(path, parsed.GetValue(at) ?? TimeProvider.System.GetUtcNow(), mebibytes, progress, cancellationToken);
            }

            Console.Out.Write(parsed.GetValue(format) == OutputFormat.Json ? InspectionJson.Write(findings) : ValidationReport.Write(findings));
            return Task.FromResult(findings.Any(finding => finding.Severity == EifFindingSeverity.Error) ? ExitCodes.Refused : ExitCodes.Success);
        }));
        return command;
    }
}
