using System.CommandLine;
using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro pcr</c>: the register value that a file, a signing certificate, a role or an instance makes.</summary>
static class PcrCommand
{
    public static Command Create()
    {
        var input = new Option<string?>("--input") { HelpName = "FILE", Description = "Any file: what a register extended with it holds." };
        var certificate = new Option<string?>("--signing-certificate") { HelpName = "FILE", Description = "A PEM certificate: PCR8 of images signed with it." };
        var role = new Option<string?>("--parent-role") { HelpName = "ARN", Description = "The parent instance's IAM role: PCR3 of its enclaves." };
        var instance = new Option<string?>("--parent-id") { HelpName = "i-...", Description = "The parent instance's id: PCR4 of its enclaves." };
        Option<string?>[] options = [input, certificate, role, instance];
        var command = new Command("pcr", "Compute the register value of a file, a signing certificate, a role or an instance.") { input, certificate, role, instance };
        command.Validators.Add(result =>
        {
            if (options.Count(option => result.GetValue(option) is not null) != 1)
            {
                result.AddError($"Exactly one of {string.Join(", ", options.Select(option => option.Name))} is needed.");
            }
        });
        command.SetAction(parsed => CommandErrors.Run(() =>
        {
            var (name, value) = (parsed.GetValue(certificate), parsed.GetValue(role), parsed.GetValue(instance)) switch
            {
                ({ } path, _, _) => ("PCR8", OfCertificate(path)),
                (_, { } arn, _) => ("PCR3", PcrValue.OfRole(arn)),
                (_, _, { } id) => ("PCR4", PcrValue.OfInstance(id)),
                _ => ("PCR", OfFile(parsed.GetRequiredValue(input)!)),
            };
            Console.Out.WriteLine(NitroCliJson.Pcr(name, value));
        }));
        return command;
    }

    static PcrValue OfFile(string path)
    {
        using var content = File.OpenRead(path);
        return PcrValue.OfContent(content);
    }

    static PcrValue OfCertificate(string path)
    {
        try
        {
            return EifSigner.MeasureCertificate(File.ReadAllBytes(path));
        }
        catch (EifSigningException exception)
        {
            throw new CommandFailure(57, $"{path}: {exception.Message}");
        }
    }
}
