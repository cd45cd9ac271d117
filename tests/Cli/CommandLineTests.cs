using System.CommandLine;

namespace NitroEnclaves.Cli.Tests;

/// <summary>What the parser takes and refuses; nothing is run.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("run-enclave --eif-path a.eif --memory 512 --cpu-count 2")]
    [InlineData("run-enclave --eif-path a.eif --memory 2G --cpu-ids 1 3 --debug-mode --enclave-cid 16 --enclave-name a --engine qemu")]
    [InlineData("run-enclave --kernel k --initrd a --initrd b --append console=ttyS0 --memory 256 --cpu-count 1 --attach-console")]
    [InlineData("describe-enclaves --metadata")]
    [InlineData("terminate-enclave --all")]
    [InlineData("terminate-enclave --enclave-id i-1-enc1")]
    [InlineData("console --enclave-name a --disconnect-timeout 5")]
    [InlineData("describe-eif --eif-path a.eif --lenient")]
    [InlineData("pcr --input a")]
    [InlineData("sign-eif --eif-path a --signing-certificate c --private-key k")]
    [InlineData("build-enclave --directory a:/app --directory b --output-file x.eif --env A=1 --env B=2 --workdir /app -- /app/run --flag -x")]
    [InlineData("attest verify --document d --no-policy --at document --root r --allow-debug")]
    [InlineData("attest verify --document d --policy p --json")]
    [InlineData("attest policy --eif a.eif --kms-principal arn:aws:iam::111122223333:role/r")]
    [InlineData("explain --error-code E26")]
    public void Accepted(string line) => Assert.Empty(Parse(line).Errors);

    [Theory]
    [InlineData("run-enclave --eif-path a.eif --cpu-count 2")]
    [InlineData("run-enclave --eif-path a.eif --memory 512 --cpu-count two")]
    [InlineData("run-enclave --eif-path a.eif --memory 512 --cpu-count 1 --engine vmware")]
    [InlineData("terminate-enclave")]
    [InlineData("terminate-enclave --all --enclave-id i-1-enc1")]
    [InlineData("console")]
    [InlineData("console --enclave-id a --enclave-name b")]
    [InlineData("pcr")]
    [InlineData("pcr --input a --signing-certificate b")]
    [InlineData("describe-eif")]
    [InlineData("build-enclave --directory a --output-file x.eif")]
    [InlineData("attest verify --document d")]
    [InlineData("attest verify --document d --no-policy --eif a.eif")]
    [InlineData("attest verify --document d --policy p --no-policy")]
    [InlineData("attest policy")]
    [InlineData("no-such-command")]
    public void Refused(string line) => Assert.NotEmpty(Parse(line).Errors);

    [Fact]
    public void The_program_keeps_its_own_flags()
    {
        var parsed = Parse("build-enclave --directory a --output-file x.eif -- /app/run --env X");
        var program = (Argument<string[]>)parsed.CommandResult.Command.Arguments.Single();
        Assert.Equal<string>(["/app/run", "--env", "X"], parsed.GetValue(program)!);
    }

    static ParseResult Parse(string line) => Program.CreateRootCommand().Parse(line.Split(' '));
}
