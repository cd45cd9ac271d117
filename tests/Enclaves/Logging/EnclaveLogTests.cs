using System.Globalization;
using System.Net.Sockets;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class EnclaveLogTests : IDisposable
{
    static readonly DateTimeOffset s_moment = new(2026, 3, 4, 5, 6, 7, 89, TimeSpan.Zero);

    readonly TemporaryFolder _folder = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_line_has_nitro_clis_form_in_the_file_and_a_priority_in_the_journal()
    {
        var line = new EnclaveLogLine(s_moment, EnclaveLogLevel.Warn, "enc-1f", "It ended.");
        Assert.Equal($"[enc-1f:{Environment.ProcessId}][WARN][2026-03-04T05:06:07.089Z][enclave] It ended.\n", line.ForFile());
        Assert.Equal("<4>enc-1f: It ended.\n", line.ForJournal());
        Assert.StartsWith("<3>", (line with { Level = EnclaveLogLevel.Error }).ForJournal(), StringComparison.Ordinal);
        Assert.StartsWith("<6>", (line with { Level = EnclaveLogLevel.Info }).ForJournal(), StringComparison.Ordinal);
    }

    [Fact]
    public void One_event_is_one_line_whatever_is_in_it()
    {
        var recorded = new RecordedLog();
        new EnclaveLog([recorded], TimeProvider.System, () => "enc-1").Write(EnclaveLogLevel.Info, "a\nb\x1b[2J" + new string('x', 5000));
        var line = Assert.Single(recorded.Lines).ForFile();
        Assert.Equal(1, line.Count(char.IsControl));
        Assert.True(line.Length < 4200);
    }

    [Theory]
    [InlineData("error", 1)]
    [InlineData("WARN", 2)]
    [InlineData("info", 3)]
    [InlineData("trace", 3)]
    [InlineData("", 3)]
    public void RUST_LOG_says_what_is_written(string least, int count)
    {
        var recorded = new RecordedLog();
        var log = new EnclaveLog([recorded], TimeProvider.System, () => "enc-1", least);
        log.Write(EnclaveLogLevel.Error, "e");
        log.Write(EnclaveLogLevel.Warn, "w");
        log.Write(EnclaveLogLevel.Info, "i");
        Assert.Equal(new[] { "e", "w", "i" }.Take(count), recorded.Lines.Select(line => line.Text));
    }

    [Fact]
    public void Processes_write_to_one_file_which_is_put_aside_when_it_is_long()
    {
        var path = _folder[Path.Combine("logs", LogFile.Name)];
        var (first, second) = (LogFile.At(path, out _)!, LogFile.At(path, out _)!);
        Parallel.For(0, 100, number => (number % 2 == 0 ? first : second).Write(Line(number.ToString(CultureInfo.InvariantCulture))));
        Assert.Equal(
            Enumerable.Range(0, 100), File.ReadAllLines(path).Select(line => int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture)).Order());
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(path) & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite));
        Assert.True(File.GetUnixFileMode(path).HasFlag(UnixFileMode.GroupWrite));

        using (var file = File.OpenWrite(path))
        {
            file.SetLength(LogFile.LongestFile + 1);
        }

        first.Write(Line("after"));
        Assert.Equal(LogFile.LongestFile + 1, new FileInfo(path + ".1").Length);
        Assert.EndsWith("[enclave] after", Assert.Single(File.ReadAllLines(path)), StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task Of_several_that_find_it_too_long_one_puts_it_aside()
    {
        const int Writers = 8;
        const int Rounds = 20;
        var path = _folder[LogFile.Name];
        using var together = new Barrier(Writers);
        var writers = Enumerable.Range(0, Writers).Select(writer => Task.Factory.StartNew(
            () =>
            {
                var file = LogFile.At(path, out _)!;
                for (var round = 0; round < Rounds; round++)
                {
                    if (writer == 0)
                    {
                        using var grown = File.OpenWrite(path);
                        grown.SetLength(LogFile.LongestFile + 1);
                    }

                    together.SignalAndWait(Cancellation);
                    file.Write(Line($"{writer}"));
                    together.SignalAndWait(Cancellation);
                    if (writer == 0)
                    {
                        // The long one is there, and was not written over by what came after it.
                        Assert.True(new FileInfo(path + ".1").Length > LogFile.LongestFile);
                    }
                }
            },
            Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        await Task.WhenAll(writers);
    }

    [Fact]
    public void A_folder_that_cannot_be_is_told_and_holds_nothing_up()
    {
        File.WriteAllText(_folder["file"], "");
        Assert.Null(LogFile.At(_folder[Path.Combine("file", LogFile.Name)], out var problem));
        Assert.StartsWith("No log is kept: ", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_in_the_files_place_is_not_followed()
    {
        File.CreateSymbolicLink(_folder[LogFile.Name], _folder["elsewhere"]);
        Assert.Null(LogFile.At(_folder[LogFile.Name], out _));
        Assert.False(File.Exists(_folder["elsewhere"]));
    }

    [Fact]
    public void The_journal_is_believed_only_where_the_stream_is_the_one_that_systemd_names()
    {
        using var pair = SocketPair.Create();
        using var stream = pair.TakeStream();
        var number = new FileInfo($"/proc/self/fd/{stream.Socket.Handle}").LinkTarget![8..^1];
        Assert.False(JournalOutput.Leads(stream.Socket.SafeHandle, null));
        Assert.False(JournalOutput.Leads(stream.Socket.SafeHandle, $"0:{number}"));
        Assert.True(JournalOutput.Leads(stream.Socket.SafeHandle, $"{SocketDevice()}:{number}"));
        Assert.False(JournalOutput.Leads(pair.Theirs, $"{SocketDevice()}:{number}"));
    }

    // The device of all sockets, as stat prints st_dev of one.
    static string SocketDevice()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var stat = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(
            "stat", ["-L", "-c", "%d", $"/proc/{Environment.ProcessId}/fd/{socket.Handle}"]) { RedirectStandardOutput = true })!;
        return stat.StandardOutput.ReadToEnd().Trim();
    }

    static EnclaveLogLine Line(string text) => new(s_moment, EnclaveLogLevel.Info, "enc-1", text);
}
