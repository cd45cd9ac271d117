using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class ConsoleLogTests
{
    [Fact]
    public void Everything_is_there_from_the_beginning()
    {
        var log = new ConsoleLog();
        log.Append("first "u8);
        log.Append("second"u8);
        Assert.Equal("first second", Encoding.UTF8.GetString(ReadAll(log, 5, out var skipped)));
        Assert.Equal(0, skipped);
    }

    [Fact]
    public void Of_too_much_output_the_beginning_and_the_end_stay() => Prop.ForAll<int, int>((seed, size) =>
    {
        var random = new Random(seed);
        var output = new byte[random.Next(0, 3 * ConsoleLog.TailCapacity)];
        random.NextBytes(output);
        var log = new ConsoleLog();
        for (var position = 0; position < output.Length;)
        {
            var count = int.Min(random.Next(1, 400_000), output.Length - position);
            log.Append(output.AsSpan(position, count));
            position += count;
        }

        var read = ReadAll(log, 1 + int.Abs(size % 70_000), out var skipped);
        var kept = (long)output.Length - skipped;
        return log.Length == output.Length && read.Length == kept
            && kept == int.Min(output.Length, ConsoleLog.HeadCapacity + ConsoleLog.TailCapacity)
            && read.AsSpan(0, int.Min(read.Length, ConsoleLog.HeadCapacity)).SequenceEqual(output.AsSpan(0, int.Min(output.Length, ConsoleLog.HeadCapacity)))
            && read.AsSpan(int.Min(read.Length, ConsoleLog.HeadCapacity)).SequenceEqual(output.AsSpan((int)(int.Min(output.Length, ConsoleLog.HeadCapacity) + skipped)));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(40).WithReplay(5, 7));

    [Fact]
    public async Task Readers_wait_for_more_until_it_is_complete()
    {
        var log = new ConsoleLog();
        var waiting = log.WaitAsync(0, TestContext.Current.CancellationToken).AsTask();
        Assert.False(waiting.IsCompleted);
        log.Append("x"u8);
        Assert.True(await waiting);

        var last = log.WaitAsync(1, TestContext.Current.CancellationToken).AsTask();
        log.Complete();
        Assert.False(await last);
        log.Append("nobody hears this"u8);
        Assert.Equal(1, log.Length);
    }

    [Fact]
    public void The_tail_has_no_control_characters()
    {
        var log = new ConsoleLog();
        log.Append("\x1b[31mred\x1b[0m\r\nend é\r\n\n"u8);
        Assert.Equal("[31mred[0m\nend é", log.TailText());
    }

    [Fact]
    public void The_tail_begins_with_a_whole_line()
    {
        var log = new ConsoleLog();
        log.Append(Encoding.ASCII.GetBytes(string.Join("\r\n", Enumerable.Range(0, 1000).Select(line => $"line {line:0000}"))));
        Assert.Equal("line 0998\nline 0999", log.TailText(25));
    }

    static byte[] ReadAll(ConsoleLog log, int step, out long skipped)
    {
        var all = new MemoryStream();
        var buffer = new byte[step];
        var position = 0L;
        skipped = 0;
        while (true)
        {
            var count = log.Read(ref position, buffer, out var missed);
            skipped += missed;
            if (count == 0)
            {
                return all.ToArray();
            }

            all.Write(buffer, 0, count);
        }
    }
}
