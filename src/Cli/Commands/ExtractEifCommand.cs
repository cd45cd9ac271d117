using System.CommandLine;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro extract-eif</c>: takes an image apart into files.</summary>
static class ExtractEifCommand
{
    public static Command Create()
    {
        var eif = new Option<string>("--eif-path") { Required = true, HelpName = "FILE", Description = "The image." };
        var output = new Option<string>("--output-dir")
        {
            Required = true,
            HelpName = "DIR",
            Description = "Where kernel, cmdline, metadata.json, ramdisk-1..., rootfs.tar and, of a signed image, certificate.pem and signature.cose go.",
        };
        var root = new Option<string?>("--root") { HelpName = "DIR", Description = "Write the root file system's files into this folder too; it must be empty or absent." };
        var command = new Command("extract-eif", "Write an image's kernel, command line, metadata, ramdisks and root file system to files.") { eif, output, root };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(CommandErrors.Run(() =>
        {
            using var image = EifFile.Open(parsed.GetRequiredValue(eif));
            foreach (var path in EifExtraction.Extract(image, parsed.GetRequiredValue(output), cancellationToken))
            {
                Console.Out.WriteLine(path);
            }

            if (parsed.GetValue(root) is { } folder)
            {
                using var files = image.ReadRamdisks(cancellationToken);
                using var tree = files.Subtree("rootfs");
                foreach (var left in tree.WriteFolder(folder, cancellationToken))
                {
                    Console.Error.WriteLine($"left out: {left} (a device, or nothing that this machine can make)");
                }

                Console.Out.WriteLine(folder);
            }
        })));
        return command;
    }
}
