using System.CommandLine;
using NitroEnclaves.Attestation;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro attest policy</c>: the policy file of an image, or the AWS KMS key policy with the same expectation.</summary>
static class AttestPolicyCommand
{
    public static Command Create()
    {
        var eif = new Option<string>("--eif") { Required = true, HelpName = "FILE", Description = "The image that is expected." };
        var principal = new Option<string?>("--kms-principal") { HelpName = "ARN", Description = "Print a KMS key policy for this role instead." };
        var administrator = new Option<string?>("--kms-administrator") { HelpName = "ARN", Description = "With --kms-principal: who manages the key; KMS refuses a key policy that leaves nobody to change it." };
        var command = new Command("policy", "Print the policy that expects an image.") { eif, principal, administrator };
        command.Validators.Add(result =>
        {
            if (result.GetValue(administrator) is not null && result.GetValue(principal) is null)
            {
                result.AddError("--kms-administrator goes with --kms-principal.");
            }
        });
        command.SetAction(parsed => CommandErrors.Run(() =>
        {
            var policy = ImagePolicy.Of(parsed.GetRequiredValue(eif));
            foreach (var risk in AttestationPolicyLint.Check(policy))
            {
                Console.Error.WriteLine($"warning: {AttestationPolicyLint.Describe(risk)}");
            }

            Console.Out.WriteLine((parsed.GetValue(principal) is { } role ? KmsKeyPolicy.Create(policy, role, parsed.GetValue(administrator)) : policy.ToJson()).TrimEnd());
        }));
        return command;
    }
}
