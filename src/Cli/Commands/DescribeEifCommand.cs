using System.CommandLine;
using NitroEnclaves.Cli.Inspecting;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro describe-eif</c>: what is in an image, measured anew.</summary>
static class DescribeEifCommand
{
    public static Command Create()
    {
        var eif = new Option<string>("--eif-path") { Required = true, HelpName = "FILE", Description = "The image." };
        var lenient = new Option<bool>("--lenient") { Description = "Believe the file as nitro-cli's reader does, and answer as it does." };
        var format = OutputFormatOption.Create(OutputFormat.Json);
        var command = new Command("describe-eif", "Describe an image and print its measurements.") { eif, lenient, format };
        command.Validators.Add(result =>
        {
            if (result.GetValue(lenient) && result.GetValue(format) == OutputFormat.Table)
            {
                result.AddError("--lenient answers as nitro-cli does, in JSON; --format table needs an image that can be read strictly.");
            }
        });
        command.SetAction((parsed, cancellationToken) => Task.FromResult(CommandErrors.Run(() =>
        {
            var path = parsed.GetRequiredValue(eif);
            try
            {
                // nitro-cli has one code for a file that cannot be read and one that is no image.
                File.OpenRead(path).Dispose();
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new CommandFailure(35, $"{path} cannot be read: {exception.Message}");
            }

            if (parsed.GetValue(lenient))
            {
                using var progress = TerminalProgress.OverFile("Measuring", path);
                var description = EifDescription.ReadLeniently(path, progress, cancellationToken);
                progress.Dispose();
                Console.Out.WriteLine(NitroCliJson.Describe(description));
                return;
            }

            using var image = EifFile.Open(path);
            EifDescription read;
            using (var progress = TerminalProgress.OverFile("Measuring", path))
            {
                read = EifDescription.Read(image, progress, cancellationToken);
            }

            if (parsed.GetValue(format) == OutputFormat.Table)
            {
                Console.Out.Write(ImageTable.Write(image, read));
                return;
            }

            Console.Out.WriteLine(NitroCliJson.Describe(read));
        })));
        return command;
    }
}
