using System.CommandLine;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro describe-eif</c>: what is in an image, measured anew.</summary>
static class DescribeEifCommand
{
    public static Command Create()
    {
        var eif = new Option<string>("--eif-path") { Required = true, HelpName = "FILE", Description = "The image." };
        var lenient = new Option<bool>("--lenient") { Description = "Believe the file as nitro-cli's reader does, and answer as it does." };
        var command = new Command("describe-eif", "Describe an image and print its measurements.") { eif, lenient };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(CommandErrors.Run(() =>
        {
            Console.Out.WriteLine(NitroCliJson.Describe(Read(parsed.GetRequiredValue(eif), parsed.GetValue(lenient), cancellationToken)));
        })));
        return command;
    }

    static EifDescription Read(string path, bool lenient, CancellationToken cancellationToken)
    {
        if (lenient)
        {
            return EifDescription.ReadLeniently(path, cancellationToken: cancellationToken);
        }

        using var image = EifFile.Open(path);
        return EifDescription.Read(image, cancellationToken: cancellationToken);
    }
}
