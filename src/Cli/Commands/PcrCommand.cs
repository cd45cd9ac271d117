using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro pcr</c>: the register value that a file, or a signing certificate, makes.</summary>
static class PcrCommand
{
    public static Command Create()
    {
        var input = new Option<string?>("--input") { HelpName = "FILE", Description = "Any file: what a register extended with it holds." };
        var certificate = new Option<string?>("--signing-certificate") { HelpName = "FILE", Description = "A PEM certificate: PCR8 of images signed with it." };
        var command = new Command("pcr", "Compute the register value of a file or of a signing certificate.") { input, certificate };
        command.Validators.Add(result =>
        {
            if (result.GetValue(input) is null == result.GetValue(certificate) is null)
            {
                result.AddError("Exactly one of --input, --signing-certificate is needed.");
            }
        });
        command.SetAction(parsed => CommandErrors.Run(() =>
        {
            if (parsed.GetValue(input) is { } file)
            {
                using var content = File.OpenRead(file);
                Console.Out.WriteLine(NitroCliJson.Pcr("PCR", PcrValue.FromContent(content)));
                return;
            }

            Console.Out.WriteLine(NitroCliJson.Pcr("PCR8", PcrValue.FromCertificate(ReadCertificate(parsed.GetValue(certificate)!))));
        }));
        return command;
    }

    static byte[] ReadCertificate(string path)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(path));
            return certificate.RawData;
        }
        catch (CryptographicException exception)
        {
            throw new CommandFailure(57, $"{path} holds no PEM certificate: {exception.Message}");
        }
    }
}
