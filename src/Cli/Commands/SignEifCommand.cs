using System.CommandLine;
using System.CommandLine.Parsing;
using NitroEnclaves.Cli.Signing;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro sign-eif</c>: signs an image, or signs it again; in one step, or in two for a key that is elsewhere.</summary>
static class SignEifCommand
{
    public static Command Create()
    {
        var eif = new Option<string?>("--eif-path") { HelpName = "FILE", Description = "The image; replaced by the signed one unless --output-file names another." };
        var certificate = new Option<string?>("--signing-certificate") { HelpName = "FILE", Description = "The certificate (PEM); the first one of a chain signs." };
        var key = new Option<string?>("--private-key")
        {
            HelpName = "FILE|ARN",
            Description = "Its EC private key: a PEM file (SEC1 or PKCS#8; the password of an encrypted one is asked for), or the ARN of an AWS KMS key.",
        };
        var digestOnly = new Option<bool>("--digest-only") { Description = "Print the digest that the key must sign, in hexadecimal, and change nothing." };
        var signature = new Option<string?>("--signature") { HelpName = "FILE", Description = "Attach this signature of the digest, made elsewhere (DER, or r and s)." };
        var output = new Option<string?>("--output-file") { HelpName = "FILE", Description = "The signed image, if it shall be another file." };
        var command = new Command("sign-eif", "Sign an image.") { eif, certificate, key, digestOnly, signature, output };
        command.Validators.Add(result =>
        {
            // What nitro-cli's parser lets through, it tells with codes of its own: no image E01, neither certificate nor key E60.
            if (result.GetValue(eif) is null || IsWithoutSigner(result, certificate, key, digestOnly, signature))
            {
                return;
            }

            if (result.GetValue(certificate) is null)
            {
                result.AddError("--signing-certificate is needed: the first certificate in it signs.");
            }

            if (new[] { result.GetValue(key) is not null, result.GetValue(digestOnly), result.GetValue(signature) is not null }.Count(given => given) != 1)
            {
                result.AddError("Exactly one of --private-key, --digest-only, --signature is needed.");
            }
        });
        command.SetAction((parsed, cancellationToken) => Task.FromResult(CommandErrors.Run(() =>
        {
            var path = parsed.GetValue(eif) ?? throw new CommandFailure(1, "The argument `eif-path` is missing: the image to sign.");
            var certificatePath = parsed.GetValue(certificate)
                ?? throw new CommandFailure(60, "Failed to create EifSigner: give --signing-certificate, and --private-key, --digest-only or --signature.");
            if (parsed.GetValue(digestOnly))
            {
                Console.Out.WriteLine(Digest(path, certificatePath, cancellationToken));
                return;
            }

            using var signer = parsed.GetValue(signature) is { } signatureFile
                ? DetachedSignature.CreateSigner(SigningKey.ReadCertificate(certificatePath), File.ReadAllBytes(signatureFile))
                : SigningKey.Open(certificatePath, parsed.GetValue(key)!);
            EifMeasurements measurements;
            using (var progress = TerminalProgress.OverFile("Signing", path))
            {
                measurements = EifSigning.Sign(path, parsed.GetValue(output) ?? path, signer, progress, cancellationToken);
            }

            Console.Out.WriteLine(NitroCliJson.Measurements(measurements));
            Console.Error.WriteLine("Enclave Image successfully signed.");
        })));
        return command;
    }

    static bool IsWithoutSigner(
        CommandResult result, Option<string?> certificate, Option<string?> key, Option<bool> digestOnly, Option<string?> signature) =>
        result.GetValue(certificate) is null && result.GetValue(key) is null && !result.GetValue(digestOnly) && result.GetValue(signature) is null;

    static string Digest(string path, string certificatePath, CancellationToken cancellationToken)
    {
        var certificate = SigningKey.ReadCertificate(certificatePath);
        using var image = EifFile.Open(path);
        using var progress = TerminalProgress.OverFile("Measuring", path);
        return Convert.ToHexStringLower(DetachedSignature.GetDigest(image.Measure(progress, cancellationToken).Pcr0, certificate));
    }
}
