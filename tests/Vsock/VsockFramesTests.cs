using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Vsock.Tests;

public sealed class VsockFramesTests
{
    static readonly CancellationToken Ended = TestContext.Current.CancellationToken;

    [Fact]
    public void Every_sequence_of_messages_comes_back() =>
        Prop.ForAll<byte[][]>(messages =>
        {
            using var stream = new MemoryStream();
            foreach (var message in messages)
            {
                stream.WriteFrameAsync(message, Ended).AsTask().GetAwaiter().GetResult();
            }

            stream.Position = 0;
            return messages.All(message => message.AsSpan().SequenceEqual(stream.ReadFrameAsync(cancellationToken: Ended).AsTask().GetAwaiter().GetResult()))
                && stream.ReadFrameAsync(cancellationToken: Ended).AsTask().GetAwaiter().GetResult() is null;
        }).Check(Config.QuickThrowOnFailure.WithReplay(3, 5));

    [Theory]
    [InlineData(0)]
    [InlineData(65_532)]
    [InlineData(65_533)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(300_000)]
    [InlineData(1_048_576)]
    public async Task Messages_around_the_steps_come_back(int length)
    {
        var message = new byte[length];
        new Random(length).NextBytes(message);
        using var stream = new MemoryStream();
        await stream.WriteFrameAsync(message, Ended);
        Assert.Equal(length + 4, stream.Length);
        stream.Position = 0;
        Assert.Equal(message, await stream.ReadFrameAsync(cancellationToken: Ended));
    }

    [Theory]
    [InlineData(1u, 0)]
    [InlineData(101u, 100)]
    [InlineData(uint.MaxValue, int.MaxValue)]
    public async Task A_length_above_the_limit_is_refused_before_memory_is_taken(uint length, int limit)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, length);
        using var stream = new MemoryStream(bytes);
        var exception = await Assert.ThrowsAsync<VsockException>(async () => await stream.ReadFrameAsync(limit, Ended));
        Assert.Equal(VsockError.FrameTooLarge, exception.Error);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(9)]
    public async Task An_end_within_a_frame_is_told_from_one_between_frames(int present)
    {
        using var whole = new MemoryStream();
        await whole.WriteFrameAsync("hello!"u8.ToArray(), Ended);
        using var stream = new MemoryStream(whole.ToArray(), 0, present);
        var exception = await Assert.ThrowsAsync<VsockException>(async () => await stream.ReadFrameAsync(cancellationToken: Ended));
        Assert.Equal(VsockError.FrameTruncated, exception.Error);
    }

    /// <summary>A peer that announces 1 GiB and sends a little makes this end reserve a little.</summary>
    [Fact]
    public async Task Memory_follows_the_bytes_and_not_the_announcement()
    {
        var bytes = new byte[100_000];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, 1 << 30);
        using var stream = new MemoryStream(bytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        await Assert.ThrowsAsync<VsockException>(async () => await stream.ReadFrameAsync(int.MaxValue, Ended));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }
}
