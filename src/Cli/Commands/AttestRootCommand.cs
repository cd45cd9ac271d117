using System.CommandLine;
using NitroEnclaves.Attestation;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro attest root</c>: the certificate of the local authority that signs emulated enclaves' documents.</summary>
static class AttestRootCommand
{
    public static Command Create()
    {
        var authority = new Option<string?>("--authority") { HelpName = "DIR", Description = "The authority's folder (default: the user's own)." };
        var command = new Command("root", "Print the local authority's root certificate (PEM); it is made where it is missing.") { authority };
        command.SetAction(parsed => AttestErrors.Run(() =>
        {
            using var opened = AttestationAuthority.OpenOrCreate(parsed.GetValue(authority) ?? AttestationAuthority.DefaultFolder);
            Console.Out.Write(opened.ExportRootCertificatePem());
            Console.Error.WriteLine($"sha256 {opened.Root.Sha256}. It proves nothing about AWS: trust it for development only.");
            return ExitCodes.Success;
        }));
        return command;
    }
}
