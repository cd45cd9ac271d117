using System.Text;

namespace NitroEnclaves.Init.Tests;

public sealed class ImageCommandTests
{
    static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    static string[] Texts(IEnumerable<byte[]> entries) => [.. entries.Select(Encoding.UTF8.GetString)];

    [Fact]
    public void Command_environment_directory_and_user_are_read()
    {
        var command = ImageCommand.From(Bytes("/app/service\n--port\n5000\n"), Bytes("A=1\nPATH=/app\n"), Bytes("/app\n"), Bytes("app:staff\n"));
        Assert.Equal(["/app/service", "--port", "5000"], Texts(command.Arguments));
        Assert.Equal(["A=1", "PATH=/app"], Texts(command.Environment));
        Assert.Equal("/app", command.WorkingDirectory);
        Assert.Equal("app:staff", command.User);
        Assert.Equal("/app:/sbin:/usr/sbin:/bin:/usr/bin", command.SearchPath);
    }

    [Fact]
    public void Empty_files_mean_what_they_mean_to_the_init_of_AWS()
    {
        var command = ImageCommand.From([], [], null, null);
        Assert.Equal(["sh"], Texts(command.Arguments));
        Assert.Equal(["PATH=/sbin:/usr/sbin:/bin:/usr/bin"], Texts(command.Environment));
        Assert.Equal("/", command.WorkingDirectory);
        Assert.Null(command.User);
    }

    [Fact]
    public void An_environment_without_a_path_is_searched_in_the_default_one()
    {
        var command = ImageCommand.From(Bytes("ls"), Bytes("MYPATH=/x\n"), null, null);
        Assert.Equal("/sbin:/usr/sbin:/bin:/usr/bin", command.SearchPath);
        Assert.Equal(["MYPATH=/x"], Texts(command.Environment));
    }

    [Theory]
    [InlineData("app")]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("/a\n/b\n")]
    public void A_working_directory_is_one_absolute_line(string content) =>
        Assert.Throws<InitException>(() => ImageCommand.From(Bytes("sh"), [], Bytes(content), null));

    [Fact]
    public void Files_are_gone_once_taken()
    {
        using var folder = new TemporaryFolder();
        folder.Write("cmd", "sh\n");
        folder.Write("env", "");
        folder.Write("workdir", "/tmp");
        Assert.Equal("/tmp", ImageCommand.Take(folder.Path).WorkingDirectory);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Theory]
    [InlineData("cmd", "env")]
    [InlineData("env", "cmd")]
    public void A_missing_file_is_named(string present, string missing)
    {
        using var folder = new TemporaryFolder();
        folder.Write(present, "x\n");
        var exception = Assert.Throws<InitException>(() => ImageCommand.Take(folder.Path));
        Assert.Contains($"no /{missing}:", exception.Message, StringComparison.Ordinal);
    }
}
