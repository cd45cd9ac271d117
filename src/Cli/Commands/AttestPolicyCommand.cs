using System.CommandLine;
using NitroEnclaves.Attestation;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro attest policy</c>: a policy file, of an image or checked, or the AWS KMS key policy with the same expectation.</summary>
static class AttestPolicyCommand
{
    public static Command Create()
    {
        var eif = new Option<string?>("--eif") { HelpName = "FILE", Description = "The image that is expected." };
        var file = new Option<string?>("--policy") { HelpName = "FILE", Description = "A policy file, to be checked or turned into a KMS key policy." };
        var principal = new Option<string?>("--kms-principal") { HelpName = "ARN", Description = "Print a KMS key policy for this role instead." };
        var administrator = new Option<string?>("--kms-administrator") { HelpName = "ARN", Description = "With --kms-principal: who manages the key; KMS refuses a key policy that leaves nobody to change it." };
        var command = new Command("policy", "Print the policy that expects an image, with warnings about what a policy leaves open.") { eif, file, principal, administrator };
        command.Validators.Add(result =>
        {
            if (result.GetValue(eif) is null == result.GetValue(file) is null)
            {
                result.AddError("Exactly one of --eif and --policy is needed.");
            }

            if (result.GetValue(administrator) is not null && result.GetValue(principal) is null)
            {
                result.AddError("--kms-administrator goes with --kms-principal.");
            }
        });
        command.SetAction(parsed => AttestErrors.Run(() =>
        {
            var policy = parsed.GetValue(file) is { } path ? AttestationPolicy.Parse(File.ReadAllBytes(path)) : ImagePolicy.Of(parsed.GetValue(eif)!);
            foreach (var risk in AttestationPolicyLint.Check(policy))
            {
                Console.Error.WriteLine($"warning: {AttestationPolicyLint.Describe(risk)}");
            }

            var text = parsed.GetValue(principal) is { } role ? KmsKeyPolicy.Create(policy, role, parsed.GetValue(administrator)) : policy.ToJson();
            Console.Out.WriteLine(text.TrimEnd());
            return ExitCodes.Success;
        }));
        return command;
    }
}
