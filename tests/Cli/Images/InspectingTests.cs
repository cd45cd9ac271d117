namespace NitroEnclaves.Cli.Tests;

/// <summary>describe-eif, diff-eif, extract-eif, validate-eif and pcr, on the golden images.</summary>
public sealed class InspectingTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("02_x86_2rd")]
    [InlineData("09_p384")]
    [InlineData("36_meta_floats")]
    public void Describe_prints_what_nitro_cli_prints(string name) =>
        Assert.Equal(
            File.ReadAllText(TestVectors.Own("eif", "expect", name + ".describe-eif.txt")).TrimEnd(),
            NitroCommand.Run(["describe-eif", "--eif-path", Image(name)]).Succeeded().TrimEnd());

    [Fact]
    public void Describe_leniently_as_nitro_cli_reads()
    {
        Assert.Equal(35, NitroCommand.Run(["describe-eif", "--eif-path", Image("40_bad_crc")]).ExitCode);
        Assert.Contains("\"CheckCRC\": false", NitroCommand.Run(["describe-eif", "--lenient", "--eif-path", Image("40_bad_crc")]).Succeeded(), StringComparison.Ordinal);
    }

    [Fact]
    public void Table_for_people()
    {
        var table = NitroCommand.Run(["describe-eif", "--format", "table", "--eif-path", Image("09_p384")]).Succeeded();

        Assert.Contains("x86_64", table, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^Kernel +548 ", table);
        Assert.Matches(@"(?m)^PCR8 +[0-9a-f]{96}  the signing certificate$", table);
        Assert.Matches("(?m)^signature +of this image, certificate valid ", table);
    }

    [Fact]
    public void Error_names_the_byte()
    {
        var result = NitroCommand.Run(["describe-eif", "--eif-path", Image("43_section_type_6")]);

        Assert.Equal(35, result.ExitCode);
        Assert.StartsWith("[ E35 ] ", result.Error, StringComparison.Ordinal);
        Assert.Contains("byte 548", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void Same_images_do_not_differ()
    {
        var result = NitroCommand.Run(["diff-eif", Image("02_x86_2rd"), Image("02_x86_2rd")]);

        Assert.Equal("The images do not differ.\n", result.Succeeded());
    }

    [Fact]
    public void Difference_names_part_and_register()
    {
        var result = NitroCommand.Run(["diff-eif", Image("01_x86_1rd"), Image("02_x86_2rd")]);

        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith("ramdisk 2 (PCR0, 2)\n  + ", result.Output, StringComparison.Ordinal);
        Assert.EndsWith("PCR0, 2 differ.\n", result.Output, StringComparison.Ordinal);
        Assert.Contains("\"Registers\": [\n      0,\n      2\n    ]",
            NitroCommand.Run(["diff-eif", "--format", "json", Image("01_x86_1rd"), Image("02_x86_2rd")]).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Difference_names_files_and_words()
    {
        var (kernel, init) = (_folder.Write("kernel", "kernel"), _folder.Write("init", "init"));
        _folder.Write("a/etc/motd", "one");
        _folder.Write("b/etc/motd", "two, longer");
        _folder.Write("b/new", "x");
        foreach (var name in (string[])["a", "b"])
        {
            NitroCommand.Run(["build-enclave", "--directory", _folder[name], "--kernel", kernel, "--init", init, "--cmdline", $"quiet {name}=1", "--name", "same", "--output-file", _folder[name + ".eif"], "--", "/x"]).Succeeded();
        }

        var result = NitroCommand.Run(["diff-eif", _folder["a.eif"], _folder["b.eif"]]);

        Assert.Equal(
            """
            command line (PCR0, 1)
              - a=1
              + b=1
            ramdisk 2 (PCR0, 2)
              - rootfs/etc/motd: RegularFile 644 0:0 3 bytes
              + rootfs/etc/motd: RegularFile 644 0:0 11 bytes
              + rootfs/new: RegularFile 644 0:0 1 bytes
            PCR0, 1, 2 differ.

            """, result.Output);
    }

    [Fact]
    public void Extract_gives_back_what_went_in()
    {
        var (kernel, init) = (_folder.Write("kernel", "kernel"), _folder.Write("init", "init"));
        _folder.Write("in/etc/motd", "hello");
        NitroCommand.Run(["build-enclave", "--directory", _folder["in"], "--kernel", kernel, "--init", init, "--cmdline", "c", "--output-file", _folder["a.eif"], "--", "/x"]).Succeeded();

        var files = NitroCommand.Run(["extract-eif", "--eif-path", _folder["a.eif"], "--output-dir", _folder["out"], "--root", _folder["root"]]).Succeeded().TrimEnd().Split('\n');

        Assert.Equal(
            [.. ((string[])["kernel", "cmdline", "metadata.json", "ramdisk-1", "ramdisk-2", "rootfs.tar"]).Select(name => Path.Combine(_folder["out"], name)), _folder["root"]], files);
        Assert.Equal("kernel", File.ReadAllText(Path.Combine(_folder["out"], "kernel")));
        Assert.Equal("c", File.ReadAllText(Path.Combine(_folder["out"], "cmdline")));
        Assert.Equal("hello", File.ReadAllText(Path.Combine(_folder["root"], "etc", "motd")));
    }

    [Fact]
    public void Validation_answers_by_text_and_exit_code()
    {
        var expired = NitroCommand.Run(["validate-eif", "--eif-path", Image("14_p384_expired")]);
        var json = NitroCommand.Run(["validate-eif", "--format", "json", "--memory", "1", "--eif-path", Image("02_x86_2rd")]);

        Assert.Equal(1, expired.ExitCode);
        Assert.Matches("(?m)^error +Signature +The signing certificate has expired", expired.Output);
        Assert.EndsWith("This image will not start on EC2.\n", expired.Output, StringComparison.Ordinal);
        Assert.Contains("\"Subject\": \"Memory\"", json.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--parent-role", "input_role_arn", "PCR3")]
    [InlineData("--parent-id", "input_instance_id", "PCR4")]
    public void Registers_of_the_parent(string option, string input, string register)
    {
        using var expected = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(TestVectors.Own("eif", "pcr3_pcr4.json")));
        var entry = Find(expected.RootElement, input);
        var output = NitroCommand.Run(["pcr", option, entry.GetProperty(input).GetString()!]).Succeeded();

        Assert.Contains($"\"{register}\": \"{entry.EnumerateObject().Select(member => member.Value.ToString()).Single(value => value.Length == 96)}\"", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Register_of_a_certificate() =>
        Assert.Equal(
            File.ReadAllText(TestVectors.Own("eif", "expect", "pcr-cert-p384.chain.pem.json")).TrimEnd(),
            NitroCommand.Run(["pcr", "--signing-certificate", TestVectors.Own("eif", "keys", "p384.chain.pem")]).Succeeded().TrimEnd());

    static System.Text.Json.JsonElement Find(System.Text.Json.JsonElement element, string member) =>
        element.TryGetProperty(member, out _) ? element : element.EnumerateObject().Select(child => child.Value)
            .First(child => child.ValueKind == System.Text.Json.JsonValueKind.Object && child.TryGetProperty(member, out _));

    static string Image(string name) => TestVectors.Own("eif", "eif", name + ".eif");
}
