using NitroEnclaves.Tests;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>Who notifies whom, and when: virtio 1.3, 2.7.7 and 2.7.10.</summary>
public sealed class NotificationTests
{
    [Fact]
    public void Without_the_event_index_the_driver_says_whether_it_wants_interrupts()
    {
        using var fixture = new QueueFixture();
        Assert.True(UseOne(fixture));
        fixture.Driver.NoInterrupt = true;
        Assert.False(UseOne(fixture));
        fixture.Driver.NoInterrupt = false;
        Assert.True(UseOne(fixture));
        Assert.Equal(2, fixture.Interrupts);
    }

    [Fact]
    public void Without_the_event_index_the_device_says_whether_it_wants_notifications()
    {
        using var fixture = new QueueFixture();
        fixture.Queue.DisableNotifications();
        Assert.Equal(1, fixture.Driver.UsedFlags);
        Assert.False(fixture.Queue.EnableNotifications());
        Assert.Equal(0, fixture.Driver.UsedFlags);
    }

    [Fact]
    public void The_device_is_notified_of_chains_after_the_index_it_named()
    {
        using var fixture = new QueueFixture(features: VirtioFeatures.EventIndex);
        Assert.False(fixture.Queue.EnableNotifications());
        for (var round = 0; round < 20; round++)
        {
            var before = fixture.Driver.AvailableIndex;
            fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 1));
            Assert.True(fixture.Driver.NeedsKick(before));
            before = fixture.Driver.AvailableIndex;
            fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 1));
            Assert.False(fixture.Driver.NeedsKick(before));
            fixture.Queue.DisableNotifications();
            UseAll(fixture);
            Assert.False(fixture.Queue.EnableNotifications());
            TakeUsed(fixture);
        }
    }

    [Fact]
    public void Chains_added_before_notifications_were_enabled_are_reported()
    {
        foreach (var features in new ulong[] { 0, VirtioFeatures.EventIndex })
        {
            using var fixture = new QueueFixture(features: features);
            fixture.Queue.DisableNotifications();
            fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 1));
            Assert.True(fixture.Queue.EnableNotifications());
        }
    }

    [Fact]
    public void The_driver_is_interrupted_when_the_index_it_named_is_passed()
    {
        using var fixture = new QueueFixture(features: VirtioFeatures.EventIndex);

        // Nobody knows where a driver stands at a start.
        fixture.Driver.UsedEvent = 1000;
        Assert.True(UseOne(fixture));
        Assert.False(UseOne(fixture));
        fixture.Driver.UsedEvent = 3;
        Assert.False(UseOne(fixture));
        Assert.True(UseOne(fixture));
        Assert.False(UseOne(fixture));

        // Passed in the middle of a batch: used goes from 5 to 8.
        AddThree(fixture);
        fixture.Driver.UsedEvent = 6;
        Assert.True(UseAll(fixture));
        AddThree(fixture);
        fixture.Driver.UsedEvent = 6;
        Assert.False(UseAll(fixture));
        Assert.Equal(3, fixture.Interrupts);
    }

    [Fact]
    public void Whether_to_interrupt_is_decided_right_at_every_index()
    {
        using var fixture = new QueueFixture(size: 4, features: VirtioFeatures.EventIndex);
        fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 1));
        Assert.True(UseAll(fixture));
        var random = new Random(5);
        for (var round = 0; round < 100_000; round++)
        {
            var old = fixture.Driver.UsedIndex;
            var batch = random.Next(1, 5);
            var wanted = (ushort)(old + random.Next(-6, 7));
            TakeUsed(fixture);
            for (var i = 0; i < batch; i++)
            {
                fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 1));
            }

            fixture.Driver.UsedEvent = wanted;

            // The driver wants to hear once the entry at that index is used: one of old .. old + batch - 1.
            var isPassed = Enumerable.Range(0, batch).Any(i => (ushort)(old + i) == wanted);
            Assert.Equal(isPassed, UseAll(fixture));
        }

        Assert.True(fixture.Queue.NextAvailable != 0);
    }

    [Fact]
    public void A_batch_is_one_interrupt_and_an_empty_one_none()
    {
        using var fixture = new QueueFixture();
        AddThree(fixture);
        Assert.True(UseAll(fixture));
        Assert.False(fixture.Queue.Publish());
        Assert.Equal((1, 3), (fixture.Interrupts, fixture.Driver.UsedIndex));
    }

    [Fact]
    public void Popping_using_and_publishing_allocate_nothing()
    {
        using var fixture = new QueueFixture(size: 256, features: VirtioFeatures.Ring);
        var allocated = AllocationGate.Least(() =>
        {
            for (var batch = 0; batch < 200; batch++)
            {
                for (var i = 0; i < 100; i += 2)
                {
                    fixture.Driver.SetDescriptor(i, QueueFixture.Buffers, 44, DriverRing.Next, (ushort)(i + 1));
                    fixture.Driver.SetDescriptor(i + 1, QueueFixture.Buffers + 0x1000, 4096, DriverRing.Write);
                    fixture.Driver.Offer((ushort)i);
                }

                UseAll(fixture);
                fixture.Queue.EnableNotifications();
            }
        });

        Assert.Equal(0, allocated);
        Assert.Equal(60_000, fixture.Driver.UsedIndex);
    }

    static void AddThree(QueueFixture fixture)
    {
        TakeUsed(fixture);
        for (var i = 0; i < 3; i++)
        {
            fixture.Driver.Add(DriverBuffer.In(QueueFixture.Buffers, 1));
        }
    }

    static void TakeUsed(QueueFixture fixture)
    {
        while (fixture.Driver.TryGetUsed(out _, out _))
        {
        }
    }

    static bool UseOne(QueueFixture fixture)
    {
        fixture.Driver.SetDescriptor(0, QueueFixture.Buffers, 1, DriverRing.Write);
        fixture.Driver.Offer(0);
        return UseAll(fixture);
    }

    static bool UseAll(QueueFixture fixture)
    {
        while (fixture.Queue.TryPop(out var chain))
        {
            fixture.Queue.AddUsed(chain.Head, 1);
        }

        return fixture.Queue.Publish();
    }
}
