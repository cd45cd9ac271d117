using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using NitroEnclaves.Attestation;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro attest verify</c>: exit code 0 verified, 1 refused, 2 misuse.</summary>
static class AttestVerifyCommand
{
    public static Command Create()
    {
        var document = new Option<string>("--document") { Required = true, HelpName = "FILE", Description = "The attestation document." };
        var at = new Option<string?>("--at") { HelpName = "TIME", Description = "Verify for this moment (RFC 3339) instead of now; 'document' takes the document's own." };
        var root = new Option<string?>("--root") { HelpName = "FILE", Description = "Trust this root certificate (PEM or DER) instead of AWS's." };
        var eif = new Option<string?>("--eif") { HelpName = "FILE", Description = "Expect PCR0, 1 and 2 of this image." };
        var policyFile = new Option<string?>("--policy") { HelpName = "FILE", Description = "Expect what this policy file says (see 'attest policy')." };
        var noPolicy = new Option<bool>("--no-policy") { Description = "Expect nothing of the registers: proves only that some enclave made the document." };
        var nonce = new Option<string?>("--nonce") { HelpName = "HEX", Description = "Expect this nonce, at least 16 bytes." };
        var allowDebug = new Option<bool>("--allow-debug") { Description = "Accept enclaves in debug mode." };
        var json = new Option<bool>("--json") { Description = "Print the outcome as JSON." };
        var command = new Command("verify", "Verify an attestation document.") { document, at, root, policyFile, eif, noPolicy, nonce, allowDebug, json };
        command.Validators.Add(result =>
        {
            bool[] given = [result.GetValue(policyFile) is not null, result.GetValue(eif) is not null, result.GetValue(noPolicy)];
            if (given.Count(one => one) != 1)
            {
                result.AddError("Exactly one of --policy, --eif, --no-policy is needed: a policy is never empty by accident.");
            }
        });
        command.SetAction(parsed => AttestErrors.Run(() =>
        {
            var bytes = DocumentFile.Read(parsed.GetRequiredValue(document));
            var policy = Policy(parsed.GetValue(policyFile), parsed.GetValue(eif));
            if (parsed.GetValue(nonce) is { } hex)
            {
                policy = policy.WithNonce(Convert.FromHexString(hex));
            }

            if (parsed.GetValue(allowDebug))
            {
                policy = policy.AllowingDebugMode();
            }

            var trusted = parsed.GetValue(root) is { } file ? AttestationRoot.FromCertificate(ReadCertificate(file)) : AttestationRoot.AwsNitroEnclavesG1;
            var verifier = new AttestationVerifier(new AttestationVerifierOptions { Roots = [trusted] });
            var result = Verify(verifier, bytes, policy, parsed.GetValue(at));
            Console.Out.Write(parsed.GetValue(json) ? AttestationReport.Json(result) : AttestationReport.Text(result));
            return result.IsVerified ? ExitCodes.Success : ExitCodes.Refused;
        }));
        return command;
    }

    static byte[] ReadCertificate(string path)
    {
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(path);
        return certificate.RawData;
    }

    static AttestationPolicy Policy(string? file, string? eif)
    {
        if (file is not null)
        {
            return AttestationPolicy.Parse(File.ReadAllBytes(file));
        }

        return eif is null ? AttestationPolicy.SignatureAndChainOnly : ImagePolicy.Of(eif);
    }

    static AttestationResult Verify(AttestationVerifier verifier, byte[] document, AttestationPolicy policy, string? at)
    {
        if (at is null)
        {
            return verifier.Verify(document, policy);
        }

        try
        {
            var moment = at == "document"
                ? UnverifiedAttestationDocument.Parse(document).Timestamp
                : DateTimeOffset.Parse(at, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
            return verifier.VerifyAt(document, policy, moment);
        }
        catch (AttestationException)
        {
            // It has no time of its own that could be read; the verifier says why.
            return verifier.Verify(document, policy);
        }
    }
}
