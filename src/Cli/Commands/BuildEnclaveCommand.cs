using System.CommandLine;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro build-enclave</c>: an image from folders and a command line.</summary>
static class BuildEnclaveCommand
{
    public static Command Create()
    {
        var directories = new Option<string[]>("--directory")
        {
            Required = true,
            HelpName = "DIR[:PATH]",
            Description = "A folder that becomes (part of) the root file system, at PATH (default /). May be repeated; later ones win.",
        };
        var runtimeLibraries = new Option<bool>("--runtime-libraries")
        {
            Description = "Add the C runtime that self-contained .NET programs are linked to (Debian's, from the cache folder).",
        };
        var output = new Option<string>("--output-file") { Required = true, HelpName = "FILE", Description = "The image to write." };
        var environment = new Option<string[]>("--env") { HelpName = "NAME=VALUE", Description = "An environment variable. May be repeated." };
        var workingDirectory = new Option<string?>("--workdir") { HelpName = "PATH", Description = "The folder to start the program in." };
        var name = new Option<string?>("--name") { HelpName = "NAME", Description = "The image's name (default: the output file's)." };
        var version = new Option<string?>("--version") { HelpName = "VERSION", Description = "The image's version (default 1.0)." };
        var metadata = new Option<string?>("--metadata") { HelpName = "FILE", Description = "A JSON file to keep in the image's metadata." };
        var kernel = new Option<string?>("--kernel") { HelpName = "FILE", Description = "Another kernel than the cached one." };
        var modules = new Option<string?>("--modules") { HelpName = "DIR", Description = "The kernel's modules, loaded in the order of their names." };
        var commandLine = new Option<string?>("--cmdline") { HelpName = "TEXT", Description = "The kernel's command line (measured)." };
        var init = new Option<string?>("--init") { HelpName = "FILE", Description = "Another init than nitro-init." };
        var program = new Argument<string[]>("command")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = "The program to run in the enclave and its arguments, after --.",
        };
        var command = new Command("build-enclave", "Build an enclave image and print its measurements.")
        {
            directories, runtimeLibraries, output, environment, workingDirectory, name, version, metadata, kernel, modules, commandLine, init, program,
        };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(CommandErrors.Run(() =>
        {
            var request = new ImageRequest
            {
                Directories = parsed.GetRequiredValue(directories),
                RuntimeLibraries = parsed.GetValue(runtimeLibraries),
                OutputFile = parsed.GetRequiredValue(output),
                Program = new ProgramDescription
                {
                    Command = parsed.GetRequiredValue(program),
                    Environment = parsed.GetValue(environment) ?? [],
                    WorkingDirectory = parsed.GetValue(workingDirectory),
                },
                Name = parsed.GetValue(name),
                Version = parsed.GetValue(version),
                MetadataFile = parsed.GetValue(metadata),
                Kernel = parsed.GetValue(kernel),
                Modules = parsed.GetValue(modules),
                CommandLine = parsed.GetValue(commandLine),
                Init = parsed.GetValue(init),
            };
            Console.Error.WriteLine("Start building the Enclave Image...");
            var built = request.Build(cancellationToken);
            Console.Error.WriteLine($"Kernel: {built.KernelVersion}, sha256 {built.KernelSha256}");
            Console.Error.WriteLine("Enclave Image successfully created.");
            Console.Out.WriteLine(NitroCliJson.Measurements(built.Measurements));
        })));
        return command;
    }
}
