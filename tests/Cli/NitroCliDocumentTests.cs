using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Tests;

/// <summary>Holds docs/nitro-cli.md to the truth: its command lines are answered as it says, its tests exist, and nothing of nitro-cli is left out.</summary>
public sealed partial class NitroCliDocumentTests : IDisposable
{
    static readonly string s_root = FindCheckout();
    static readonly string s_document = File.ReadAllText(Path.Combine(s_root, "docs", "nitro-cli.md"));
    static readonly string[][] s_rows = [.. Rows(s_document)];

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> CommandLines =>
        [.. Rows(Section("Command lines")).Select(row => new TheoryDataRow<string, string>(Code(row[0]), row[1]))];

    [Theory]
    [MemberData(nameof(CommandLines))]
    public void Command_lines_are_answered_as_said(string line, string answer)
    {
        var errors = Program.CreateRootCommand(new EnclaveLauncher("/bin/false")).Parse(line.Split(' ')).Errors;
        if (answer.StartsWith("accepted", StringComparison.Ordinal))
        {
            Assert.Empty(errors);
            return;
        }

        if (answer == "exit 2")
        {
            Assert.NotEmpty(errors);
            return;
        }

        Assert.Empty(errors);
        var code = answer[..3];
        var result = NitroCommand.Run(line.Split(' '), "", ("NITRO_CLI_SOCKETS_PATH", _folder.Path));
        Assert.Equal(int.Parse(code[1..], System.Globalization.CultureInfo.InvariantCulture), result.ExitCode);
        Assert.StartsWith($"[ {code} ] ", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    // All subcommands and flags of nitro-cli 1.5.0 (eif-and-nitro-cli 3.1).
    [Theory]
    [InlineData("run-enclave", "--cpu-ids", "--cpu-count", "--memory", "--eif-path", "--enclave-cid", "--debug-mode", "--attach-console", "--enclave-name", "--config")]
    [InlineData("terminate-enclave", "--enclave-id", "--enclave-name", "--all")]
    [InlineData("build-enclave", "--docker-uri", "--output-file", "--docker-dir", "--signing-certificate", "--private-key", "--name", "--version", "--metadata")]
    [InlineData("describe-eif", "--eif-path")]
    [InlineData("describe-enclaves", "--metadata")]
    [InlineData("console", "--enclave-id", "--enclave-name", "--disconnect-timeout")]
    [InlineData("pcr", "--input", "--signing-certificate")]
    [InlineData("sign-eif", "--eif-path", "--signing-certificate", "--private-key")]
    [InlineData("explain", "--error-code")]
    public void Every_flag_is_in_a_line_that_is_accepted(string command, params string[] flags)
    {
        var given = Rows(Section("Command lines")).Where(row => row[1].StartsWith("accepted", StringComparison.Ordinal))
            .Select(row => Code(row[0]).Split(' ')).Where(words => words[0] == command).SelectMany(words => words).ToHashSet();
        Assert.All(flags, flag => Assert.Contains(flag, given));
    }

    [Fact]
    public void Every_key_of_the_configuration_file_is_there()
    {
        var keys = Rows(Section("The configuration file")).Select(row => Code(row[0]));
        Assert.Equal(
            typeof(RunEnclaveConfiguration).GetProperties()
                .SelectMany(property => property.GetCustomAttributes(typeof(JsonPropertyNameAttribute), false)).Select(name => ((JsonPropertyNameAttribute)name).Name).Order(),
            keys.Order());
    }

    [Fact]
    public void Every_code_is_there_under_its_name() => Assert.Equal(
        ErrorCatalog.All.Select(code => ($"E{code.Number:D2}", code.Name)), Rows(Section("Errors")).Select(row => (row[0], row[1])));

    [Theory]
    [InlineData("Environment and files", "NITRO_CLI_BLOBS", "NITRO_CLI_ARTIFACTS", "NITRO_CLI_SOCKETS_PATH", "NITRO_CLI_LOGS_PATH", "BACKTRACE", "RUST_LOG", "NITRO_CLI_INSTALL_DIR", "NITRO_BETWEEN_PACKETS_MILLIS", "DOCKER_HOST", "DOCKER_CONFIG", "AWS_*", "allocator.yaml", "vsock-proxy.yaml")]
    [InlineData("vsock-proxy and the allocator", "`-4`", "`--ipv4`", "`-6`", "`--ipv6`", "`-w`", "`--num_workers`", "`--config`", "LOCAL_PORT", "memory_mib", "cpu_count", "cpu_pool", "nitro-enclaves-vsock-proxy.service", "nitro-enclaves-allocator.service", "`ne`")]
    [InlineData("The socket of an enclave's process", "Run", "Terminate", "TerminateComplete", "Describe", "GetEnclaveCID", "GetEnclaveFlags", "GetEnclaveName", "GetIDbyName", "ConnectionListenerStop", "NotPermitted")]
    public void Everything_else_is_there(string section, params string[] names)
    {
        var first = string.Join('\n', Rows(Section(section)).Select(row => row[0]));
        Assert.All(names, name => Assert.Contains(name, first, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_row_names_tests_that_exist()
    {
        var sources = Directory.EnumerateFiles(Path.Combine(s_root, "tests"), "*.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .ToLookup(Path.GetFileNameWithoutExtension, File.ReadAllText);
        Assert.True(s_rows.Length > 150);
        Assert.All(s_rows, row => Assert.Matches(TestName(), row[^1]));
        Assert.All(TestName().Matches(s_document), name =>
            Assert.Contains(sources[name.Groups[1].Value], source => Regex.IsMatch(source, $@"public (async Task|void) {name.Groups[2].Value}\(")));
    }

    // A test that is said to raise a code says the code: by its number, or by the failure that has it.
    [Fact]
    public void Tests_of_raised_codes_name_them()
    {
        var names = Enum.GetValues<EnclaveFailure>().ToLookup(failure => new EnclaveException(failure, "x").NitroCliCode, failure => $"EnclaveFailure.{failure}");
        Assert.All(Rows(Section("Errors")).Where(row => row[2].StartsWith("raised", StringComparison.Ordinal)), row =>
        {
            var code = row[0][1..];
            string[] wanted = [.. names[int.Parse(code, System.Globalization.CultureInfo.InvariantCulture)], $"E{code}", $"({code}", $" {code}", $" {code.TrimStart('0')}"];
            var name = TestName().Match(row[^1]);
            var sources = Directory.EnumerateFiles(Path.Combine(s_root, "tests"), $"{name.Groups[1].Value}.cs", SearchOption.AllDirectories).Select(File.ReadAllText);
            Assert.True(sources.Any(source => wanted.Any(text => source.Contains(text, StringComparison.Ordinal))), $"{row[^1]} does not speak of {row[0]}");
        });
    }

    static string Section(string title)
    {
        var begin = s_document.IndexOf($"## {title}\n", StringComparison.Ordinal);
        Assert.True(begin >= 0, title);
        var end = s_document.IndexOf("\n## ", begin + 1, StringComparison.Ordinal);
        return end < 0 ? s_document[begin..] : s_document[begin..end];
    }

    // The cells of each row of each table below its head.
    static IEnumerable<string[]> Rows(string text)
    {
        var lines = text.Split('\n');
        for (var index = 1; index < lines.Length; index++)
        {
            if (lines[index].StartsWith("| ", StringComparison.Ordinal) && !lines[index].StartsWith("| ---", StringComparison.Ordinal)
                && lines[index - 1].StartsWith('|'))
            {
                yield return [.. lines[index].Trim('|').Split('|').Select(cell => cell.Trim())];
            }
        }
    }

    static string Code(string cell) => cell.Trim('`');

    static string FindCheckout()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "NitroEnclaves.slnx")))
        {
            folder = Path.GetDirectoryName(folder.TrimEnd(Path.DirectorySeparatorChar))
                ?? throw new InvalidOperationException("The tests run outside the checkout, where docs/nitro-cli.md is not to be found.");
        }

        return folder;
    }

    [GeneratedRegex(@"`(\w+Tests)\.(\w+)`")]
    private static partial Regex TestName();
}
