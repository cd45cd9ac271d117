using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images.Tests;

/// <summary>What nitro-cli 1.5.0 prints about the golden images (<c>tests/vectors/eif/expect</c>), byte for byte.</summary>
public sealed class DescribeEifTests
{
    public static TheoryData<string> Images =>
        [.. Directory.GetFiles(TestVectors.Own("eif", "eif"), "*.eif").Select(path =>
            Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    public static TheoryData<string> AcceptedImages =>
        [.. Images.Select(row => row.Data).Where(name =>
        string.CompareOrdinal(name, "40") < 0 && !name.StartsWith("15_", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Images))]
    public void Leniently(string name) => Assert.Equal(Expected(name), Print(() => EifDescription.ReadLeniently(Vectors.Image(name))));

    [Theory]
    [MemberData(nameof(Images))]
    public void Leniently_from_memory(string name) =>
        Assert.Equal(Expected(name), Print(() => EifDescription.ReadLeniently(Vectors.ReadImage(name).AsMemory())));

    [Theory]
    [MemberData(nameof(AcceptedImages))]
    public void Strictly(string name) => Assert.Equal(Expected(name), Print(() =>
    {
        using var image = EifFile.Open(Vectors.Image(name));
        return EifDescription.Read(image);
    }));

    [Fact]
    public void Strictly_a_signature_of_another_key_is_refused()
    {
        using var image = EifFile.Open(Vectors.Image("15_key_cert_mismatch"));

        Assert.Equal(EifError.InvalidSignature, Assert.Throws<EifException>(() => EifDescription.Read(image)).Reason);
    }

    [Fact]
    public void Missing_file()
    {
        var error = Assert.Throws<NitroCliException>(() => EifDescription.ReadLeniently("/nowhere/x.eif"));

        Assert.Equal(35, error.Code);
        Assert.Equal("""Failed to initialize EIF reader: "Failed to open the EIF file: Os { code: 2, kind: NotFound, message: \"No such file or directory\" }" """.TrimEnd(), error.Message);
    }

    [Theory]
    [InlineData("cert-p256.cert.pem")]
    [InlineData("cert-p384.cert.pem")]
    [InlineData("cert-p384.chain.pem")]
    [InlineData("cert-p384.leaf.cert.pem")]
    [InlineData("cert-p521.cert.pem")]
    [InlineData("cert-rsa2048.cert.pem")]
    [InlineData("input-kernel_a.bin")]
    [InlineData("input-ramdisk_0.bin")]
    [InlineData("input-ramdisk_1.bin")]
    [InlineData("input-ramdisk_app.bin")]
    public void Pcr(string name)
    {
        string file = name[(name.IndexOf('-', StringComparison.Ordinal) + 1)..];
        string printed;
        if (name.StartsWith("cert-", StringComparison.Ordinal))
        {
            printed = NitroCliJson.Pcr("PCR8", EifSigner.MeasureCertificate(File.ReadAllBytes(TestVectors.Own("eif", "keys", file))));
        }
        else
        {
            using var input = File.OpenRead(TestVectors.Own("eif", "inputs", file));
            printed = NitroCliJson.Pcr("PCR", PcrValue.OfContent(input));
        }

        Assert.Equal(File.ReadAllText(TestVectors.Own("eif", "expect", $"pcr-{name}.json")).TrimEnd('\n'), printed);
    }

    [Fact]
    public void Role_and_instance()
    {
        using var expected = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(TestVectors.Own("eif", "pcr3_pcr4.json")));
        var role = expected.RootElement.GetProperty("PCR3");
        var instance = expected.RootElement.GetProperty("PCR4");

        Assert.Equal(role.GetProperty("value").GetString(),
            PcrValue.OfRole(role.GetProperty("input_role_arn").GetString()!).ToString());
        Assert.Equal(instance.GetProperty("value").GetString(),
            PcrValue.OfInstance(instance.GetProperty("input_instance_id").GetString()!).ToString());
    }

    static string Expected(string name) => File.ReadAllText(TestVectors.Own("eif", "expect", $"{name}.describe-eif.txt")).TrimEnd('\n');

    static string Print(Func<EifDescription> read)
    {
        try
        {
            return NitroCliJson.Describe(read());
        }
        catch (NitroCliException e)
        {
            return $"ERROR(E{e.Code}) {e.Message}";
        }
    }
}
