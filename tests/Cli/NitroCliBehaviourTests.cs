using NitroEnclaves.Tests;

namespace NitroEnclaves.Cli.Tests;

/// <summary>What scripts that call nitro-cli rely on: exit codes, streams, first lines, and the environment (docs/nitro-cli.md).</summary>
public sealed class NitroCliBehaviourTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    string Link => Path.Combine(_folder.Path, "nitro-cli");

    static string Image => TestVectors.Own("eif", "eif", "01_x86_1rd.eif");

    public NitroCliBehaviourTests() => File.CreateSymbolicLink(Link, NitroCommand.FilePath);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void No_arguments_are_misuse_that_shows_the_help()
    {
        var result = NitroCommand.Run([]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("run-enclave", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Called_as_nitro_cli_a_failed_start_is_two_errors_and_39()
    {
        string[] start = ["run-enclave", "--eif-path", Image, "--memory", "64", "--cpu-count", "250"];
        var result = NitroCommand.RunAs(Link, start, "", ("NITRO_CLI_SOCKETS_PATH", _folder.Path));
        Assert.Equal(39, result.ExitCode);
        var lines = result.Error.Split('\n');
        Assert.Matches(@"^\[ E\d\d \] ", lines[0]);
        Assert.Contains("For more details, please visit https://docs.aws.amazon.com/enclaves/latest/user/cli-errors.html#E" + lines[0][3..5], lines);
        Assert.Contains("Failed connections: 1", lines);
        Assert.Contains(lines, line => line.StartsWith("[ E39 ] ", StringComparison.Ordinal));
    }

    [Fact]
    public void Called_as_nitro_cli_a_failure_leaves_its_backtrace_in_a_file()
    {
        var logs = Path.Combine(_folder.Path, "logs");
        string[] arguments = ["describe-eif", "--eif-path", "/nowhere/a.eif"];
        var result = NitroCommand.RunAs(Link, arguments, "", ("NITRO_CLI_LOGS_PATH", logs));
        var file = Assert.Single(Directory.GetFiles(logs, "err*.log"));
        Assert.Matches(@"/err\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00\.log$", file);
        Assert.Equal(
            "[ E35 ] /nowhere/a.eif cannot be read: Could not find a part of the path '/nowhere/a.eif'.\n\nFor more details, please visit "
            + $"https://docs.aws.amazon.com/enclaves/latest/user/cli-errors.html#E35\n\nIf you open a support ticket, please provide the error log found at \"{file}\"\n",
            result.Error);
        var backtrace = File.ReadAllText(file);
        Assert.Matches(@"^  Action: Describe EIF\n  Subactions:\n    /nowhere/a\.eif cannot be read.*\n  Root error file: .+\n  Root error line: \d+\n  Version: 1\.5\.0$", backtrace);

        var told = NitroCommand.RunAs(Link, arguments, "", ("NITRO_CLI_LOGS_PATH", logs), ("BACKTRACE", "1"));
        Assert.Contains("\n\nBacktrace:\n  Action: Describe EIF\n", told.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Backtrace:", NitroCommand.RunAs(Link, arguments, "", ("NITRO_CLI_LOGS_PATH", "/dev/null/x")).Error, StringComparison.Ordinal);
        Assert.EndsWith("#E35\n", NitroCommand.RunAs(Link, arguments, "", ("NITRO_CLI_LOGS_PATH", "/dev/null/x")).Error, StringComparison.Ordinal);
        Assert.Single(NitroCommand.Run(arguments, "", ("NITRO_CLI_LOGS_PATH", logs)).Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void Under_its_own_name_a_failed_start_exits_with_its_cause_in_one_line()
    {
        var result = NitroCommand.Run(
            ["run-enclave", "--eif-path", Image, "--memory", "0", "--cpu-count", "1"], "", ("NITRO_CLI_SOCKETS_PATH", _folder.Path));
        Assert.Equal(26, result.ExitCode);
        Assert.StartsWith("[ E26 ] ", Assert.Single(result.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_wrong_in_the_arguments_keeps_its_own_exit_code()
    {
        string[] start = ["run-enclave", "--eif-path", Image, "--memory", "64", "--cpu-count", "two"];
        var result = NitroCommand.RunAs(Link, start, "", ("NITRO_CLI_SOCKETS_PATH", _folder.Path));
        Assert.Equal(3, result.ExitCode);
        Assert.StartsWith("[ E03 ] The parameter `cpu-count` is not a valid integer (`two`)\n", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Cid_zero_takes_a_free_one_and_says_so()
    {
        string[] start = ["run-enclave", "--eif-path", Image, "--memory", "64", "--cpu-count", "250", "--enclave-cid", "0", "--engine", "nitro"];
        var result = NitroCommand.Run(start, "", ("NITRO_CLI_SOCKETS_PATH", _folder.Path));
        Assert.StartsWith("CID 0 takes a free one.\n", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("E26", "E26 InsufficientMemoryRequested: ")]
    [InlineData("E57", "E57 HasherError: ")]
    [InlineData("E61", "No such error code")]
    public void Explain_tells_on_standard_error_and_succeeds(string code, string text)
    {
        var result = NitroCommand.Run(["explain", "--error-code", code]);
        Assert.Equal((0, ""), (result.ExitCode, result.Output));
        Assert.StartsWith(text, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_only_reads_needs_no_log()
    {
        (string, string)[] nowhere = [("NITRO_CLI_LOGS_PATH", "/dev/null/logs"), ("NITRO_CLI_SOCKETS_PATH", _folder.Path), ("BACKTRACE", "1"), ("RUST_LOG", "trace")];
        Assert.Equal("[]\n", NitroCommand.Run(["describe-enclaves"], "", nowhere).Succeeded());
        var described = NitroCommand.Run(["describe-eif", "--eif-path", Image], "", nowhere);
        Assert.Contains("\"EifVersion\": 4", described.Succeeded(), StringComparison.Ordinal);
        Assert.Equal("", described.Error);
    }

    [Fact]
    public void Nothing_to_terminate_is_an_empty_array() => Assert.Equal(
        "[]\n", NitroCommand.Run(["terminate-enclave", "--all"], "", ("NITRO_CLI_SOCKETS_PATH", _folder.Path)).Succeeded());

    [Fact]
    public void The_folder_of_sockets_is_the_variables()
    {
        var folder = Path.Combine(_folder.Path, "sockets");
        Assert.Equal("[]\n", NitroCommand.Run(["describe-enclaves"], "", ("NITRO_CLI_SOCKETS_PATH", folder)).Succeeded());
        Assert.True(Directory.Exists(folder));
    }

    [Fact]
    public void The_log_is_in_the_variables_folder_in_nitro_clis_form()
    {
        var logs = Path.Combine(_folder.Path, "logs");
        var result = NitroCommand.Run(
            ["run-enclave", "--eif-path", "/nowhere.eif", "--memory", "64", "--cpu-count", "1", "--engine", "process"], "",
            ("NITRO_CLI_SOCKETS_PATH", _folder.Path), ("NITRO_CLI_LOGS_PATH", logs));
        Assert.Equal(19, result.ExitCode);
        Assert.Matches(@"^\[enc-xxxxxxx:\d+\]\[ERROR\]\[[-\d]+T[:.\d]+Z\]\[enclave\] \[ E19 \] ", File.ReadAllText(Path.Combine(logs, "nitro_enclaves.log")));
    }

    [Fact]
    public void Name_version_and_metadata_go_into_the_image()
    {
        var (kernel, ramdisk) = (_folder.Write("kernel", "kernel"), _folder.Write("ramdisk", "ramdisk"));
        var metadata = _folder.Write("metadata.json", """{"Team":"red"}""");
        var image = Path.Combine(_folder.Path, "x.eif");
        NitroCommand.Run(
            ["build-enclave", "--kernel", kernel, "--cmdline", "c", "--ramdisk", ramdisk, "--output-file", image, "--name", "n", "--version", "7", "--metadata", metadata]).Succeeded();
        var described = NitroCommand.Run(["describe-eif", "--eif-path", image]).Succeeded();
        Assert.Contains("\"ImageName\": \"n\"", described, StringComparison.Ordinal);
        Assert.Contains("\"ImageVersion\": \"7\"", described, StringComparison.Ordinal);
        Assert.Contains("\"Team\": \"red\"", described, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dockerfile_that_cannot_be_built_is_E49()
    {
        // No docker, podman or buildah in an empty PATH. Kernel and init are looked for before, and need not have been set up.
        var (kernel, init) = (_folder.Write("kernel", "kernel"), _folder.Write("init", "init"));
        var result = NitroCommand.Run(
            ["build-enclave", "--docker-uri", "a:1", "--docker-dir", _folder.Path, "--kernel", kernel, "--init", init, "--output-file", Path.Combine(_folder.Path, "x.eif")],
            "", ("PATH", _folder.Path));
        Assert.Equal(49, result.ExitCode);
        Assert.Contains("[ E49 ] ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_certificate_that_is_none_is_E57()
    {
        var result = NitroCommand.Run(["pcr", "--signing-certificate", _folder.Write("c.pem", "no certificate")]);
        Assert.Equal((57, ""), (result.ExitCode, result.Output));
        Assert.StartsWith("[ E57 ] ", result.Error, StringComparison.Ordinal);
    }
}
