using System.CommandLine;

namespace NitroEnclaves.Cli.Tests;

/// <summary>What the parser takes and refuses; nothing is run.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("run-enclave --eif-path a.eif --memory 512 --cpu-count 2")]
    [InlineData("run-enclave --eif-path a.eif --memory 2G --cpu-ids 1 3 --debug-mode --enclave-cid 16 --enclave-name a --engine qemu")]
    [InlineData("run-enclave --kernel k --initrd a --initrd b --append console=ttyS0 --memory 256 --cpu-count 1 --attach-console")]
    [InlineData("run-enclave --config c.json --attach-console --engine process")]
    [InlineData("describe-enclaves --metadata")]
    [InlineData("terminate-enclave --all")]
    [InlineData("terminate-enclave --enclave-id i-1-enc1")]
    [InlineData("console --enclave-name a --disconnect-timeout 5")]
    [InlineData("describe-eif --eif-path a.eif --lenient")]
    [InlineData("describe-eif --eif-path a.eif --format table")]
    [InlineData("diff-eif a.eif b.eif --format json")]
    [InlineData("extract-eif --eif-path a.eif --output-dir d --root r")]
    [InlineData("validate-eif --eif-path a.eif --memory 512M --at 2026-01-02T03:04:05Z")]
    [InlineData("pcr --input a")]
    [InlineData("pcr --parent-role arn:aws:iam::111122223333:role/r")]
    [InlineData("pcr --parent-id i-0123456789abcdef0")]
    [InlineData("sign-eif --eif-path a --signing-certificate c --digest-only")]
    [InlineData("sign-eif --eif-path a --signing-certificate c --signature s --output-file o")]
    [InlineData("build-enclave --publish app --output-file x.eif")]
    [InlineData("build-enclave --container-image app.tar --reference app:1 --output-file x.eif --arch aarch64 --kernel k --init i")]
    [InlineData("build-enclave --docker-uri app:1 --output-file x.eif --docker-dir . --signing-certificate c --private-key k --profile nitro-cli")]
    [InlineData("build-enclave --rootfs-tar root.tar --directory more:/opt --output-file x.eif --user app:app -- /bin/app")]
    [InlineData("build-enclave --kernel k --cmdline console=ttyS0 --ramdisk a --ramdisk b --output-file x.eif --build-time now")]
    [InlineData("sign-eif --eif-path a --signing-certificate c --private-key k")]
    [InlineData("build-enclave --directory a:/app --directory b --output-file x.eif --env A=1 --env B=2 --workdir /app -- /app/run --flag -x")]
    [InlineData("attest verify --document d --no-policy --at document --root r --allow-debug")]
    [InlineData("attest verify --document d --policy p --json")]
    [InlineData("attest show --document d --json")]
    [InlineData("attest policy --policy p --kms-principal arn:aws:iam::111122223333:role/r")]
    [InlineData("attest policy --eif a.eif --kms-principal arn:aws:iam::111122223333:role/r --kms-administrator arn:aws:iam::111122223333:root")]
    [InlineData("attest policy --eif a.eif --kms-principal arn:aws:iam::111122223333:role/r")]
    [InlineData("vsock-proxy 8000 kms.us-east-1.amazonaws.com 443 --config c.yaml -w 20 -4")]
    [InlineData("vsock-proxy --connect --allow a.example.com --allow b.example.com")]
    [InlineData("explain --error-code E26")]
    public void Accepted(string line) => Assert.Empty(Parse(line).Errors);

    [Theory]
    [InlineData("run-enclave --eif-path a.eif --cpu-count 2")]
    [InlineData("run-enclave --eif-path a.eif --memory 512 --cpu-count two")]
    [InlineData("run-enclave --eif-path a.eif --memory 512 --cpu-count 1 --engine vmware")]
    [InlineData("run-enclave --config c.json --memory 512")]
    [InlineData("run-enclave --config c.json --debug-mode")]
    [InlineData("terminate-enclave")]
    [InlineData("terminate-enclave --all --enclave-id i-1-enc1")]
    [InlineData("console")]
    [InlineData("console --enclave-id a --enclave-name b")]
    [InlineData("pcr")]
    [InlineData("pcr --input a --signing-certificate b")]
    [InlineData("describe-eif")]
    [InlineData("build-enclave --directory a --output-file x.eif")]
    [InlineData("pcr --input a --parent-id i-0123456789abcdef0")]
    [InlineData("describe-eif --eif-path a.eif --format yaml")]
    [InlineData("describe-eif --eif-path a.eif --format table --lenient")]
    [InlineData("diff-eif a.eif")]
    [InlineData("extract-eif --eif-path a.eif")]
    [InlineData("sign-eif --eif-path a --signing-certificate c")]
    [InlineData("sign-eif --eif-path a --signing-certificate c --private-key k --digest-only")]
    [InlineData("build-enclave --output-file x.eif")]
    [InlineData("build-enclave --publish app --container-image a.tar --output-file x.eif")]
    [InlineData("build-enclave --rootfs-tar root.tar --output-file x.eif")]
    [InlineData("build-enclave --docker-dir . --output-file x.eif -- /bin/app")]
    [InlineData("build-enclave --publish app --reference app:1 --output-file x.eif")]
    [InlineData("build-enclave --publish app --output-file x.eif --signing-certificate c")]
    [InlineData("build-enclave --publish app --output-file x.eif --profile other")]
    [InlineData("build-enclave --kernel k --ramdisk a --output-file x.eif")]
    [InlineData("build-enclave --kernel k --cmdline c --ramdisk a --publish app --output-file x.eif")]
    [InlineData("attest verify --document d")]
    [InlineData("attest verify --document d --no-policy --eif a.eif")]
    [InlineData("attest verify --document d --policy p --no-policy")]
    [InlineData("attest policy")]
    [InlineData("attest show")]
    [InlineData("attest policy --eif a.eif --policy p")]
    [InlineData("attest policy --eif a.eif --kms-administrator arn:aws:iam::111122223333:root")]
    [InlineData("vsock-proxy 8000 kms.us-east-1.amazonaws.com")]
    [InlineData("vsock-proxy 8000 a 443 --connect --allow a")]
    [InlineData("vsock-proxy 8000 a 443 -4 -6")]
    [InlineData("vsock-proxy 8000 a 443 -w 0")]
    [InlineData("vsock-proxy 8000 a 70000")]
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
