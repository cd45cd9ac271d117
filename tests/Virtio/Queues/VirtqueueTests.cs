namespace NitroEnclaves.Virtio.Tests;

public sealed class VirtqueueTests
{
    public static TheoryData<ulong> FeatureSets => [0, VirtioFeatures.Version1, VirtioFeatures.EventIndex, VirtioFeatures.Ring];

    [Theory, MemberData(nameof(FeatureSets))]
    public void A_request_is_read_and_its_answer_written(ulong features)
    {
        using var fixture = new QueueFixture(features: features);
        "request"u8.CopyTo(fixture.Ram[QueueFixture.Buffers, 7]);
        var head = fixture.Driver.Add(DriverBuffer.Out(QueueFixture.Buffers, 7), DriverBuffer.In(QueueFixture.Buffers + 0x1000, 64));

        Assert.True(fixture.Queue.TryPop(out var chain));
        Span<byte> request = stackalloc byte[16];
        Assert.Equal(7, chain.Read(0, request));
        Assert.True(request[..7].SequenceEqual("request"u8));
        Assert.Equal((7, 64), (chain.ReadableLength, chain.WritableLength));
        Assert.Equal(6, chain.Write(0, "answer"u8));
        fixture.Queue.AddUsed(chain.Head, 6);
        Assert.False(fixture.Driver.TryGetUsed(out _, out _));
        Assert.True(fixture.Queue.Publish());

        Assert.True(fixture.Driver.TryGetUsed(out var id, out var length));
        Assert.Equal((head, 6u), ((ushort)id, length));
        Assert.True(fixture.Ram[QueueFixture.Buffers + 0x1000, 6].SequenceEqual("answer"u8));
        Assert.Equal(1, fixture.Interrupts);
        Assert.False(fixture.Queue.TryPop(out _));
    }

    [Fact]
    public void A_chain_that_was_put_back_comes_again()
    {
        using var fixture = new QueueFixture();
        fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 1));
        fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 2));

        Assert.True(fixture.Queue.TryPop(out var first));
        Assert.Equal(1, first.WritableLength);
        fixture.Queue.PutBack();
        Assert.Throws<InvalidOperationException>(() => fixture.Queue.PutBack());
        Assert.True(fixture.Queue.TryPop(out var again));
        Assert.Equal((first.Head, 1), (again.Head, again.WritableLength));
        fixture.Queue.AddUsed(again.Head, 0);
        Assert.Throws<InvalidOperationException>(() => fixture.Queue.PutBack());
        Assert.True(fixture.Queue.TryPop(out var second));
        Assert.Equal(2, second.WritableLength);
    }

    [Fact]
    public void Several_chains_are_put_back_at_once_in_their_order()
    {
        using var fixture = new QueueFixture();
        for (var length = 1; length <= 4; length++)
        {
            fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, length));
        }

        Assert.True(fixture.Queue.TryPop(out var first));
        var head = first.Head;
        Assert.True(fixture.Queue.TryPop(out _));
        Assert.True(fixture.Queue.TryPop(out _));
        Assert.Equal(3, fixture.Queue.Returnable);
        Assert.Throws<InvalidOperationException>(() => fixture.Queue.PutBack(4));
        fixture.Queue.PutBack(2);
        fixture.Queue.AddUsed(head, 0);
        Assert.Equal(0, fixture.Queue.Returnable);
        for (var length = 2; length <= 4; length++)
        {
            Assert.True(fixture.Queue.TryPop(out var again));
            Assert.Equal(length, again.WritableLength);
        }
    }

    [Fact]
    public void A_bad_chain_in_between_keeps_those_before_it_from_being_put_back()
    {
        using var fixture = new QueueFixture();
        fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 1));
        fixture.Driver.Add(DriverBuffer.In(ulong.MaxValue, 1));
        fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 3));

        Assert.True(fixture.Queue.TryPop(out _));
        Assert.True(fixture.Queue.TryPop(out var third));
        Assert.Equal((3, 1), (third.WritableLength, fixture.Queue.Returnable));
        Assert.Throws<InvalidOperationException>(() => fixture.Queue.PutBack(2));
        fixture.Queue.PutBack();
    }

    [Fact]
    public void More_used_than_taken_is_refused()
    {
        using var fixture = new QueueFixture();
        Assert.Throws<InvalidOperationException>(() => fixture.Queue.AddUsed(0, 0));
    }

    [Fact]
    public void A_stopped_queue_touches_no_memory_and_resumes_where_it_was()
    {
        using var fixture = new QueueFixture(features: VirtioFeatures.EventIndex);
        fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 1));
        fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 2));
        Assert.True(fixture.Queue.TryPop(out var held));
        var head = held.Head;
        fixture.Queue.Stop();

        fixture.Queue.AddUsed(head, 1);
        Assert.False(fixture.Queue.Publish());
        Assert.False(fixture.Queue.EnableNotifications());
        Assert.False(fixture.Queue.TryPop(out _));
        Assert.Equal((0, 0), (fixture.Driver.UsedIndex, fixture.Driver.AvailableEvent));

        fixture.Queue.Start(fixture.Memory, fixture.Driver.Layout, fixture.Features, fixture.Queue.NextAvailable, fixture);
        Assert.True(fixture.Queue.TryPop(out var second));
        Assert.Equal(2, second.WritableLength);
    }
}
