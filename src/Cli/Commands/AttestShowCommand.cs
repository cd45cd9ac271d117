using System.CommandLine;
using NitroEnclaves.Attestation;

namespace NitroEnclaves.Cli.Commands;

/// <summary>
/// <c>nitro attest show</c>: what a document claims, and that nothing of it is proven. Exit code 0 for a document of a known form, 1 for
/// anything else, 2 for misuse.
/// </summary>
static class AttestShowCommand
{
    public static Command Create()
    {
        var document = new Option<string>("--document") { Required = true, HelpName = "FILE", Description = "The attestation document." };
        var json = new Option<bool>("--json") { Description = "Print the claims as JSON." };
        var command = new Command("show", "Show what an attestation document claims, without proof; 'attest verify' proves.") { document, json };
        command.SetAction(parsed => AttestErrors.Run(() =>
        {
            try
            {
                var claims = UnverifiedAttestationDocument.Parse(DocumentFile.Read(parsed.GetRequiredValue(document)));
                Console.Out.Write(parsed.GetValue(json) ? AttestationClaims.Json(claims) : AttestationClaims.Text(claims));
                return ExitCodes.Success;
            }
            catch (AttestationException exception)
            {
                Console.Error.WriteLine($"error: {exception.Failure}: {exception.Message}");
                return ExitCodes.Refused;
            }
        }));
        return command;
    }
}
