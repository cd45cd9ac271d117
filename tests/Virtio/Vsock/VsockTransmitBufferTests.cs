using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Virtio.Tests;

public sealed class VsockTransmitBufferTests
{
    [Fact]
    public void Bytes_come_out_in_their_order_and_the_memory_goes_back() =>
        Prop.ForAll<int>(seed =>
        {
            var random = new Random(seed);
            var pool = new VsockBufferPool(1 << 20);
            var buffer = new VsockTransmitBuffer(pool);
            var model = new Queue<byte>();
            Span<GuestSegment> segments = stackalloc GuestSegment[1 + random.Next(8)];
            for (var step = 0; step < 200; step++)
            {
                var data = new byte[random.Next(1, 40_000)];
                random.NextBytes(data);
                if (buffer.Length + data.Length <= 500_000)
                {
                    Assert.True(buffer.TryAppend(data));
                    Array.ForEach(data, model.Enqueue);
                }

                var listed = buffer.Peek(segments);
                var take = random.Next(0, Total(segments[..listed]) + 1);
                Assert.True(Matches(segments[..listed], take, model));
                buffer.Advance(take);
                Assert.Equal(model.Count, buffer.Length);
                Assert.True(pool.InUse <= buffer.Length + 2 * VsockBufferPool.PieceSize);
                Assert.True(buffer.Length > 0 || pool.InUse == 0);
            }

            buffer.Clear();
            return pool.InUse == 0 && buffer.Length == 0 && buffer.Peek(segments) == 0;
        }).Check(Config.QuickThrowOnFailure.WithReplay(21, 23).WithMaxTest(30));

    [Fact]
    public void The_limit_of_the_device_holds()
    {
        var pool = new VsockBufferPool(2 * VsockBufferPool.PieceSize);
        var first = new VsockTransmitBuffer(pool);
        var second = new VsockTransmitBuffer(pool);
        Assert.True(first.TryAppend(new byte[VsockBufferPool.PieceSize + 1]));
        Assert.False(second.TryAppend(new byte[1]));
        first.Advance(VsockBufferPool.PieceSize);
        Assert.True(second.TryAppend(new byte[1]));
        first.Clear();
        second.Clear();
        Assert.Equal(0, pool.InUse);
    }

    static int Total(ReadOnlySpan<GuestSegment> segments)
    {
        var total = 0;
        foreach (ref readonly var segment in segments)
        {
            total += segment.Length;
        }

        return total;
    }

    static bool Matches(ReadOnlySpan<GuestSegment> segments, int count, Queue<byte> model)
    {
        foreach (ref readonly var segment in segments)
        {
            for (var i = 0; i < segment.Length && count > 0; i++, count--)
            {
                if (segment.Span[i] != model.Dequeue())
                {
                    return false;
                }
            }
        }

        return count == 0;
    }
}
