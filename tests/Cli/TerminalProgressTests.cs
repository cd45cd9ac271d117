namespace NitroEnclaves.Cli.Tests;

public sealed class TerminalProgressTests : IDisposable
{
    readonly StringWriter _output = new();
    readonly ManualTime _time = new();

    public void Dispose() => _output.Dispose();

    [Fact]
    public void Nothing_within_the_first_second_and_ten_lines_a_second_at_most_after_it()
    {
        using var progress = new TerminalProgress(_output, isTerminal: true, "Reading", 200 << 20, _time);
        progress.Report(1 << 20);
        Assert.Empty(_output.ToString());

        _time.Advance(TimeSpan.FromSeconds(1));
        progress.Report(100 << 20);
        progress.Report(101 << 20);

        Assert.Equal("\rReading: 100 of 200 MiB (50 %)", _output.ToString());
    }

    [Fact]
    public void Line_goes_when_the_work_is_done()
    {
        using (var progress = new TerminalProgress(_output, isTerminal: true, "Writing", null, _time))
        {
            _time.Advance(TimeSpan.FromSeconds(2));
            progress.Report(5 << 20);
        }

        Assert.Equal($"\rWriting: 5 MiB\r{new string(' ', 14)}\r", _output.ToString());
    }

    [Fact]
    public void Files_and_pipes_get_nothing()
    {
        using (var progress = new TerminalProgress(_output, isTerminal: false, "Reading", 1, _time))
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            progress.Report(1);
        }

        Assert.Empty(_output.ToString());
    }

    sealed class ManualTime : TimeProvider
    {
        long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan time) => _now += time.Ticks;
    }
}
