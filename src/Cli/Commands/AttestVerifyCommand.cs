using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NitroEnclaves.Attestation;
using NitroEnclaves.Images;

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
        var noPolicy = new Option<bool>("--no-policy") { Description = "Expect nothing of the registers: proves only that some enclave made the document." };
        var nonce = new Option<string?>("--nonce") { HelpName = "HEX", Description = "Expect this nonce, at least 16 bytes." };
        var allowDebug = new Option<bool>("--allow-debug") { Description = "Accept enclaves in debug mode." };
        var command = new Command("verify", "Verify an attestation document.") { document, at, root, eif, noPolicy, nonce, allowDebug };
        command.Validators.Add(result =>
        {
            if (result.GetValue(eif) is null != result.GetValue(noPolicy))
            {
                result.AddError("Exactly one of --eif, --no-policy is needed: a policy is never empty by accident.");
            }
        });
        command.SetAction(parsed =>
        {
            try
            {
                var bytes = ReadDocument(parsed.GetRequiredValue(document));
                var policy = Policy(parsed.GetValue(eif));
                if (parsed.GetValue(nonce) is { } hex)
                {
                    policy = policy.WithNonce(Convert.FromHexString(hex));
                }

                if (parsed.GetValue(allowDebug))
                {
                    policy = policy.AllowingDebugMode();
                }

                var roots = parsed.GetValue(root) is { } file ? [AttestationRoot.FromCertificate(ReadCertificate(file))] : (IReadOnlyList<AttestationRoot>)[AttestationRoot.AwsNitroEnclavesG1];
                var verifier = new AttestationVerifier(new AttestationVerifierOptions { Roots = roots });
                return Report(Verify(verifier, bytes, policy, parsed.GetValue(at)), roots[0]);
            }
            catch (Exception exception) when (exception is FormatException or ArgumentException or IOException or UnauthorizedAccessException or CryptographicException or EifException)
            {
                Console.Error.WriteLine($"error: {exception.Message}");
                return ExitCodes.Misuse;
            }
        });
        return command;
    }

    // A document has at most 16 KiB; whoever hands in something else gets the verifier's answer, not our memory.
    static byte[] ReadDocument(string path)
    {
        using var stream = File.OpenRead(path);
        var buffer = new byte[64 * 1024];
        return buffer[..stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)];
    }

    static byte[] ReadCertificate(string path)
    {
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(path);
        return certificate.RawData;
    }

    static AttestationPolicy Policy(string? eif)
    {
        if (eif is null)
        {
            return AttestationPolicy.SignatureAndChainOnly;
        }

        using var image = EifFile.Open(eif);
        return AttestationPolicy.ForImage(image.Measure().ToImageMeasurements());
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

    static int Report(AttestationResult result, AttestationRoot root)
    {
        if (!result.IsVerified)
        {
            Console.Out.WriteLine($"refused   {result.Failure}: {result.Message}");
            return ExitCodes.Refused;
        }

        var attestation = result.Attestation;
        var isAws = root.Sha256 == AttestationRoot.AwsNitroEnclavesG1.Sha256;
        Console.Out.WriteLine($"verified  {attestation.ModuleId}, made {attestation.Timestamp.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC{(attestation.IsDebugMode ? ", DEBUG MODE" : "")}");
        Console.Out.WriteLine($"  root    {(isAws ? "AWS Nitro Enclaves G1" : $"local, sha256 {root.Sha256}: proves nothing about AWS")}");
        foreach (var (index, value) in attestation.Pcrs.Where(pcr => !pcr.Value.IsZero))
        {
            Console.Out.WriteLine($"  PCR{index,-4} {value}");
        }

        Console.Out.WriteLine($"  proven  signature and chain{(attestation.Policy.ExpectsNoPcrs ? "" : ", PCR0, 1 and 2")}{(attestation.Policy.Nonce is null ? "" : ", nonce")}");
        var open = new List<string>();
        if (attestation.Policy.ExpectsNoPcrs)
        {
            open.Add("which image runs");
        }

        if (attestation.Policy.Nonce is null)
        {
            open.Add("that the document is new");
        }

        if (open.Count > 0)
        {
            Console.Out.WriteLine($"  open    {string.Join(", ", open)}");
        }

        return ExitCodes.Success;
    }
}
