using System.CommandLine;
using NitroEnclaves.Cli.Building;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro build-enclave</c>: an image from what people have.</summary>
static class BuildEnclaveCommand
{
    public static Command Create()
    {
        var sources = new SourceOptions();
        var plain = new PlainOptions();
        var output = new Option<string>("--output-file") { Required = true, HelpName = "FILE", Description = "The image to write." };
        var environment = new Option<string[]>("--env") { HelpName = "NAME=VALUE", Description = "An environment variable. May be repeated." };
        var workingDirectory = new Option<string?>("--workdir") { HelpName = "PATH", Description = "The folder to start the program in." };
        var user = new Option<string?>("--user") { HelpName = "USER[:GROUP]", Description = "As whom to start the program: names of the image's own accounts, or numbers." };
        var name = new Option<string?>("--name") { HelpName = "NAME", Description = "The image's name (default: the output file's)." };
        var version = new Option<string?>("--version") { HelpName = "VERSION", Description = "The image's version (default 1.0)." };
        var metadata = new Option<string?>("--metadata") { HelpName = "FILE", Description = "A JSON file to keep in the image's metadata." };
        var certificate = new Option<string?>("--signing-certificate") { HelpName = "FILE", Description = "Sign the image: the certificate (PEM)." };
        var key = new Option<string?>("--private-key") { HelpName = "FILE|ARN", Description = "Sign the image: the certificate's EC private key (PEM), or the ARN of an AWS KMS key." };
        var architecture = new Option<string>("--arch")
        {
            HelpName = "ARCH",
            Description = "x86_64 or aarch64. What is at hand is for x86_64: for aarch64 give --kernel and --init.",
            DefaultValueFactory = _ => "x86_64",
        };
        var profile = new Option<string>("--profile")
        {
            HelpName = "PROFILE",
            Description = "reproducible: the same input gives the same bytes; nitro-cli: ramdisks laid out as nitro-cli has it, with kernel, cmdline, init and nsm.ko of $NITRO_CLI_BLOBS.",
            DefaultValueFactory = _ => "reproducible",
        };
        profile.AcceptOnlyFromAmong("reproducible", "nitro-cli");
        var kernel = new Option<string?>("--kernel") { HelpName = "FILE", Description = "A kernel's file, or debian for Debian's cloud kernel (default: the enclave kernel)." };
        var modules = new Option<string?>("--modules") { HelpName = "DIR", Description = "The kernel's modules, loaded in the order of their names." };
        var module = new Option<string?>("--nsm-module") { HelpName = "FILE", Description = "The nsm.ko that AWS's init loads." };
        var commandLine = new Option<string?>("--cmdline") { HelpName = "TEXT", Description = "The kernel's command line (measured)." };
        var init = new Option<string?>("--init") { HelpName = "FILE", Description = "Another init than nitro-init." };
        var program = new Argument<string[]>("command")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "The program to run in the enclave and its arguments, after --; in place of a container image's ENTRYPOINT and CMD.",
        };
        var command = new Command("build-enclave", "Build an enclave image and print its measurements.")
        {
            output, environment, workingDirectory, user, name, version, metadata, certificate, key, architecture, profile, kernel, modules, module, commandLine, init, program,
        };
        sources.AddTo(command);
        plain.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetValue(certificate) is null != result.GetValue(key) is null)
            {
                result.AddError("--signing-certificate and --private-key need each other.");
            }

            if (plain.IsMeant(result))
            {
                PlainOptions.Check(result, sources.Given(result), result.GetValue(kernel), result.GetValue(commandLine), result.GetValue(program) ?? []);
            }
            else
            {
                sources.Check(result, result.GetValue(program) ?? []);
            }
        });
        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(async () =>
        {
            var target = ArchitectureNames.Parse(parsed.GetRequiredValue(architecture));
            Console.Error.WriteLine("Start building the Enclave Image...");
            EifMeasurements measurements;
            if (plain.IsMeant(parsed.CommandResult))
            {
                measurements = (plain.Read(parsed, parsed.GetValue(kernel)!, parsed.GetValue(commandLine)!, parsed.GetRequiredValue(output)) with
                {
                    Architecture = target,
                    Name = parsed.GetValue(name),
                    Version = parsed.GetValue(version),
                    MetadataFile = parsed.GetValue(metadata),
                    SigningCertificate = parsed.GetValue(certificate),
                    PrivateKey = parsed.GetValue(key),
                }).Build(cancellationToken);
            }
            else
            {
                var built = await new ImageRequest
                {
                    Files = sources.Read(parsed),
                    Program = new ProgramRequest
                    {
                        Command = parsed.GetValue(program) ?? [],
                        Environment = parsed.GetValue(environment) ?? [],
                        WorkingDirectory = parsed.GetValue(workingDirectory),
                        User = parsed.GetValue(user),
                    },
                    OutputFile = parsed.GetRequiredValue(output),
                    Architecture = target,
                    Profile = parsed.GetValue(profile) == "nitro-cli" ? RamdiskProfile.NitroCli : RamdiskProfile.Reproducible,
                    Name = parsed.GetValue(name),
                    Version = parsed.GetValue(version),
                    MetadataFile = parsed.GetValue(metadata),
                    Kernel = parsed.GetValue(kernel),
                    Modules = parsed.GetValue(modules),
                    NsmModule = parsed.GetValue(module),
                    CommandLine = parsed.GetValue(commandLine),
                    Init = parsed.GetValue(init),
                    SigningCertificate = parsed.GetValue(certificate),
                    PrivateKey = parsed.GetValue(key),
                }.BuildAsync(cancellationToken);
                measurements = built.Measurements;
                Console.Error.WriteLine($"Kernel: {built.KernelVersion}, sha256 {built.KernelSha256}");
                if (built.KernelNote is { } note)
                {
                    Console.Error.WriteLine(note);
                }
            }

            Console.Error.WriteLine("Enclave Image successfully created.");
            Console.Out.WriteLine(NitroCliJson.Measurements(measurements));
            return ExitCodes.Success;
        }));
        return command;
    }
}
