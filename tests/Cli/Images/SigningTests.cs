using System.Security.Cryptography;

namespace NitroEnclaves.Cli.Tests;

/// <summary>sign-eif and the signing flags of build-enclave: keys in files, encrypted and detached.</summary>
public sealed class SigningTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public SigningTests() => File.Copy(TestVectors.Own("eif", "eif", "02_x86_2rd.eif"), _folder["a.eif"]);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("p256.cert.pem", "p256.key.pem")]
    [InlineData("p384.cert.pem", "p384.key.pkcs8.pem")]
    [InlineData("p384.chain.pem", "p384.key.pem")]
    [InlineData("p521.cert.pem", "p521.key.pem")]
    public void Key_in_a_file(string certificate, string key)
    {
        var printed = NitroCommand.Run(["sign-eif", "--eif-path", _folder["a.eif"], "--signing-certificate", Key(certificate), "--private-key", Key(key)]).Succeeded();

        Assert.Contains("\"PCR8\"", printed, StringComparison.Ordinal);
        AssertSigned(_folder["a.eif"]);
    }

    [Fact]
    public void Encrypted_key_asks_for_its_password()
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(Key("p384.key.pem")));
        var encrypted = _folder.Write("key.pem", key.ExportEncryptedPkcs8PrivateKeyPem("open sesame", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000)));
        string[] arguments = ["sign-eif", "--eif-path", _folder["a.eif"], "--signing-certificate", Key("p384.cert.pem"), "--private-key", encrypted];
        var before = File.ReadAllBytes(_folder["a.eif"]);

        var wrong = NitroCommand.Run(arguments, "open barley\n");
        var none = NitroCommand.Run(arguments);

        Assert.Equal((60, 60), (wrong.ExitCode, none.ExitCode));
        Assert.Contains("password", wrong.Error, StringComparison.Ordinal);
        Assert.Contains("encrypted", none.Error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(_folder["a.eif"]));
        NitroCommand.Run(arguments, "open sesame\n").Succeeded();
        AssertSigned(_folder["a.eif"]);
    }

    [Fact]
    public void Key_that_is_elsewhere_signs_in_two_steps()
    {
        var digest = NitroCommand.Run(["sign-eif", "--eif-path", _folder["a.eif"], "--signing-certificate", Key("p384.cert.pem"), "--digest-only"]).Succeeded().Trim();
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(Key("p384.key.pem")));
        File.WriteAllBytes(_folder["signature"], key.SignHash(Convert.FromHexString(digest), DSASignatureFormat.Rfc3279DerSequence));

        NitroCommand.Run(["sign-eif", "--eif-path", _folder["a.eif"], "--signing-certificate", Key("p384.cert.pem"), "--signature", _folder["signature"], "--output-file", _folder["b.eif"]]).Succeeded();

        AssertSigned(_folder["b.eif"]);
        Assert.Equal(File.ReadAllBytes(TestVectors.Own("eif", "eif", "02_x86_2rd.eif")), File.ReadAllBytes(_folder["a.eif"]));
    }

    [Fact]
    public void Signature_of_something_else_is_not_attached()
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(Key("p384.key.pem")));
        File.WriteAllBytes(_folder["signature"], key.SignHash(new byte[48], DSASignatureFormat.Rfc3279DerSequence));
        var result = NitroCommand.Run(["sign-eif", "--eif-path", _folder["a.eif"], "--signing-certificate", Key("p384.cert.pem"), "--signature", _folder["signature"], "--output-file", _folder["b.eif"]]);

        Assert.Equal(60, result.ExitCode);
        Assert.False(File.Exists(_folder["b.eif"]));
    }

    [Theory]
    [InlineData("p384.expired.cert.pem", "p384.key.pem", "was valid until")]
    [InlineData("p384.cert.pem", "p256.key.pem", "not for this private key")]
    [InlineData("rsa2048.cert.pem", "rsa2048.key.pem", "P-256, P-384 or P-521")]
    [InlineData("missing.pem", "p384.key.pem", "missing.pem cannot be read")]
    public void Bad_keys_are_found_before_anything_is_written(string certificate, string key, string message)
    {
        var result = NitroCommand.Run(
            ["build-enclave", "--directory", _folder.Path, "--kernel", _folder["a.eif"], "--init", _folder["a.eif"], "--output-file", _folder["b.eif"],
            "--signing-certificate", Key(certificate), "--private-key", Key(key), "--", "/x"]);

        Assert.Equal(60, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.Equal([_folder["a.eif"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Image_is_signed_as_it_is_built()
    {
        NitroCommand.Run(
            ["build-enclave", "--kernel", _folder["a.eif"], "--cmdline", "c", "--ramdisk", _folder["a.eif"], "--output-file", _folder["b.eif"],
            "--signing-certificate", Key("p256.cert.pem"), "--private-key", Key("p256.key.pem")]).Succeeded();

        AssertSigned(_folder["b.eif"]);
    }

    static void AssertSigned(string path) =>
        Assert.Contains("\"SignatureCheck\": true", NitroCommand.Run(["describe-eif", "--eif-path", path]).Succeeded(), StringComparison.Ordinal);

    static string Key(string name) => TestVectors.Own("eif", "keys", name);
}
