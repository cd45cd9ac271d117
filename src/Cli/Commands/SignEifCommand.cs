using System.CommandLine;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro sign-eif</c>: signs an image in place, or signs it again.</summary>
static class SignEifCommand
{
    public static Command Create()
    {
        var eif = new Option<string>("--eif-path") { Required = true, HelpName = "FILE", Description = "The image; replaced by the signed one." };
        var certificate = new Option<string>("--signing-certificate") { Required = true, HelpName = "FILE", Description = "The certificate (PEM); the first one of a chain signs." };
        var key = new Option<string>("--private-key") { Required = true, HelpName = "FILE", Description = "Its EC private key (PEM: SEC1 or PKCS#8)." };
        var command = new Command("sign-eif", "Sign an image.") { eif, certificate, key };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(CommandErrors.Run(() =>
        {
            using var signer = EifSigner.FromPem(File.ReadAllBytes(parsed.GetRequiredValue(certificate)), File.ReadAllText(parsed.GetRequiredValue(key)));
            var path = parsed.GetRequiredValue(eif);
            Console.Out.WriteLine(NitroCliJson.Measurements(EifSigning.Sign(path, path, signer, cancellationToken: cancellationToken)));
            Console.Error.WriteLine("Enclave Image successfully signed.");
        })));
        return command;
    }
}
