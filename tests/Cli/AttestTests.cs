using System.Text.Json;

namespace NitroEnclaves.Cli.Tests;

/// <summary>attest show and verify: what is claimed, what was proven, what stays open, and the exit codes.</summary>
public sealed class AttestTests : IDisposable
{
    const string Moment = "2026-03-04T12:00:01Z";

    readonly TemporaryFolder _folder = new();

    static string Root => TestVectors.Own("attestation", "root.pem");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Show_says_that_nothing_is_proven()
    {
        var text = NitroCommand.Run(["attest", "show", "--document", Document("definite")]).Succeeded();
        Assert.StartsWith("claims    Nothing of this is proven", text, StringComparison.Ordinal);
        Assert.Contains("i-0123456789abcdef0-enc0199f00d12345678\n", text, StringComparison.Ordinal);
        Assert.Contains("PCR0        a0a0a0", text, StringComparison.Ordinal);
        Assert.Equal(5, text.Split('\n').Count(line => line.StartsWith("  certificate ", StringComparison.Ordinal)));
        Assert.DoesNotContain("verified", text, StringComparison.Ordinal);
        Assert.Contains("debug mode  yes", NitroCommand.Run(["attest", "show", "--document", Document("debug")]).Succeeded(), StringComparison.Ordinal);
    }

    [Fact]
    public void Show_gives_programs_everything_and_never_calls_it_verified()
    {
        using var json = JsonDocument.Parse(NitroCommand.Run(["attest", "show", "--json", "--document", Document("locked")]).Succeeded());
        Assert.False(json.RootElement.GetProperty("Verified").GetBoolean());
        Assert.Equal(32, json.RootElement.GetProperty("Pcrs").EnumerateObject().Count());
        Assert.Equal(4, json.RootElement.GetProperty("CaBundle").GetArrayLength());
    }

    [Fact]
    public void Show_tells_what_is_no_document_from_what_cannot_be_read()
    {
        var garbage = NitroCommand.Run(["attest", "show", "--document", _folder.Write("garbage", "garbage")]);
        Assert.Equal((1, ""), (garbage.ExitCode, garbage.Output));
        Assert.StartsWith("error: Envelope: ", garbage.Error, StringComparison.Ordinal);
        Assert.Equal(2, NitroCommand.Run(["attest", "show", "--document", _folder["missing"]]).ExitCode);
    }

    [Fact]
    public void Verify_says_what_was_proven_and_what_was_not()
    {
        var text = NitroCommand.Run(Verify("definite", "--no-policy")).Succeeded();
        Assert.StartsWith("verified  i-0123456789abcdef0-enc0199f00d12345678", text, StringComparison.Ordinal);
        Assert.Contains("proves nothing about AWS", text, StringComparison.Ordinal);
        Assert.Contains("  proven  signature and chain\n", text, StringComparison.Ordinal);
        Assert.Contains("  open    which image runs, that the document is new, the public key", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_with_a_policy_and_a_nonce_leaves_nothing_open_about_them()
    {
        var policy = _folder.Write("policy.json", $$"""{"images":[{"pcr0":"{{Pcr("a0")}}","pcr1":"{{Pcr("a1")}}","pcr2":"{{Pcr("a2")}}"}]}""");
        using var claims = JsonDocument.Parse(NitroCommand.Run(["attest", "show", "--json", "--document", Document("definite")]).Succeeded());
        var nonce = claims.RootElement.GetProperty("Nonce").GetString()!;
        var verified = NitroCommand.Run(Verify("definite", "--policy", policy, "--nonce", nonce, "--json")).Succeeded();
        using var json = JsonDocument.Parse(verified);
        Assert.True(json.RootElement.GetProperty("Verified").GetBoolean());
        Assert.Equal(["signature and chain", "PCR0, 1 and 2", "nonce"], json.RootElement.GetProperty("Proven").EnumerateArray().Select(text => text.GetString()));
        Assert.DoesNotContain("which image runs", verified, StringComparison.Ordinal);
        Assert.DoesNotContain("is new", verified, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("UntrustedRoot", "definite", "--no-policy")]
    [InlineData("DebugMode", "debug", "--no-policy", "--root", "ROOT", "--at", Moment)]
    [InlineData("CertificateExpired", "definite", "--no-policy", "--root", "ROOT", "--at", "2027-01-01T00:00:00Z")]
    [InlineData("NonceMismatch", "definite", "--no-policy", "--root", "ROOT", "--at", Moment, "--nonce", "00000000000000000000000000000000")]
    public void Verify_refuses_with_its_reason_and_exit_code_1(string failure, string document, params string[] options)
    {
        var result = NitroCommand.Run(["attest", "verify", "--document", Document(document), .. options.Select(option => option == "ROOT" ? Root : option)]);
        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith($"refused   {failure}: ", result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData]
    [InlineData("--no-policy", "--nonce", "00")]
    [InlineData("--no-policy", "--nonce", "xy")]
    [InlineData("--no-policy", "--at", "yesterday")]
    [InlineData("--no-policy", "--root", "/nowhere")]
    [InlineData("--policy", "/nowhere")]
    [InlineData("--policy", "/dev/null")]
    public void Verify_ends_with_2_where_it_was_asked_in_a_wrong_way(params string[] options)
    {
        var result = NitroCommand.Run(["attest", "verify", "--document", Document("definite"), .. options]);
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.StartsWith("error: ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Policy_turns_a_file_into_a_key_policy_and_says_what_it_leaves_open()
    {
        var signer = _folder.Write("signer.json", $$$"""{"pcrs":{"8":"{{{Pcr("a8")}}}"}}""");
        var key = NitroCommand.Run(["attest", "policy", "--policy", signer, "--kms-principal", "arn:aws:iam::111122223333:role/r"]);
        using var json = JsonDocument.Parse(key.Succeeded());
        Assert.Equal(Pcr("a8"), json.RootElement.GetProperty("Statement")[0].GetProperty("Condition").GetProperty("StringEqualsIgnoreCase").GetProperty("kms:RecipientAttestation:PCR8").GetString());
        Assert.StartsWith("warning: PCR8 without PCR0, 1 and 2", key.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Policy_of_an_image_is_accepted_by_verify_and_warns_of_nothing()
    {
        var result = NitroCommand.Run(["attest", "policy", "--eif", TestVectors.Own("eif", "eif", "02_x86_2rd.eif")]);
        Assert.Contains("\"images\"", result.Succeeded(), StringComparison.Ordinal);
        Assert.Equal("", result.Error);
        var refused = NitroCommand.Run(Verify("definite", "--policy", _folder.Write("image.json", result.Output)));
        Assert.StartsWith("refused   ImageMismatch: ", refused.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("00", "zero")]
    [InlineData("xy", "hexadecimal")]
    public void Policy_with_a_value_that_any_debug_enclave_has_or_that_is_none_is_misuse(string octet, string message)
    {
        var result = NitroCommand.Run(["attest", "policy", "--policy", _folder.Write("wrong.json", $$$"""{"pcrs":{"0":"{{{Pcr(octet)}}}"}}""")]);
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Root_is_made_once_and_is_nothing_of_AWS()
    {
        var first = NitroCommand.Run(["attest", "root", "--authority", _folder["authority"]]);
        Assert.StartsWith("-----BEGIN CERTIFICATE-----", first.Succeeded(), StringComparison.Ordinal);
        Assert.Contains("proves nothing about AWS", first.Error, StringComparison.Ordinal);
        Assert.Equal(first.Output, NitroCommand.Run(["attest", "root", "--authority", _folder["authority"]]).Succeeded());
        Assert.Equal(2, NitroCommand.Run(["attest", "root", "--authority", _folder.Write("file", "")]).ExitCode);
    }

    static string Document(string name) => TestVectors.Own("attestation", $"{name}.bin");

    static string[] Verify(string name, params string[] options) =>
        ["attest", "verify", "--document", Document(name), "--root", Root, "--at", Moment, .. options];

    static string Pcr(string octet) => string.Concat(Enumerable.Repeat(octet, 48));
}
