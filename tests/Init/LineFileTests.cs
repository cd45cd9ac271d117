using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Init.Tests;

public sealed class LineFileTests
{
    [Fact]
    public void Entries_are_lines_and_the_last_line_feed_is_optional()
    {
        Assert.Equal(["/app/service"u8.ToArray(), "--name=a b"u8.ToArray()], LineFile.Split("/cmd", "/app/service\n--name=a b\n"u8));
        Assert.Equal(["/app/service"u8.ToArray(), "--name=a b"u8.ToArray()], LineFile.Split("/cmd", "/app/service\n--name=a b"u8));
    }

    [Fact]
    public void An_empty_line_is_an_empty_entry_and_an_empty_file_has_none()
    {
        Assert.Equal(["echo"u8.ToArray(), [], "x"u8.ToArray()], LineFile.Split("/cmd", "echo\n\nx\n"u8));
        Assert.Empty(LineFile.Split("/cmd", []));
    }

    [Fact]
    public void A_NUL_byte_is_refused_with_its_line()
    {
        var exception = Assert.Throws<InitException>(() => LineFile.Split("/env", "A=1\nB=\0\n"u8));
        Assert.Equal("line 2 of /env holds a NUL byte", exception.Message);
    }

    [Fact]
    public void What_image_builders_write_comes_back_byte_for_byte()
    {
        var entries = ArbMap.Default.ArbFor<byte[][]>().Filter(
            entries => entries.All(entry => entry is not null && !entry.Contains((byte)'\n') && !entry.Contains((byte)0)));
        var property = Prop.ForAll(entries, written =>
        {
            byte[] content = [.. written.SelectMany(entry => entry.Append((byte)'\n'))];
            return LineFile.Split("/cmd", content).SequenceEqual(written, EqualityComparer<byte[]>.Create((a, b) => a.AsSpan().SequenceEqual(b)));
        });
        Check.One(Config.QuickThrowOnFailure.WithReplay(20261121, 17).WithMaxTest(500), property);
    }
}
