using System.CommandLine;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro attest</c>: everything about attestation documents.</summary>
static class AttestCommand
{
    public static Command Create() => new("attest", "Show and verify attestation documents; print policies and the local root.")
    {
        AttestShowCommand.Create(),
        AttestVerifyCommand.Create(),
        AttestPolicyCommand.Create(),
        AttestRootCommand.Create(),
    };
}
