using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Virtio.Tests;

public sealed class VsockCreditTests
{
    [Fact]
    public void The_guest_may_send_exactly_its_buffer()
    {
        var credit = new VsockReceivedCredit(1000);
        Assert.True(credit.TryReceive(1000));
        Assert.False(credit.TryReceive(1));
        credit.Forward(10);
        Assert.True(credit.TryReceive(10));
        Assert.False(credit.TryReceive(1));
    }

    [Fact]
    public void The_guest_is_told_when_half_of_its_buffer_is_free_without_its_knowledge()
    {
        var credit = new VsockReceivedCredit(1000);
        Assert.True(credit.TryReceive(1000));
        credit.Forward(499);
        Assert.False(credit.ShouldAnnounce);
        credit.Forward(1);
        Assert.True(credit.ShouldAnnounce);
        credit.Announce();
        Assert.False(credit.ShouldAnnounce);
        Assert.Equal(500u, credit.Forwarded);
    }

    /// <summary>Against plain counters of unlimited size, far beyond 2^32 bytes.</summary>
    [Fact]
    public void Received_credit_equals_its_model_across_wraps() =>
        Prop.ForAll<int>(seed =>
        {
            var random = new Random(seed);
            const uint size = 1u << 24;
            var credit = new VsockReceivedCredit(size);
            long received = 0, forwarded = 0;
            for (var step = 0; step < 2000; step++)
            {
                var length = (uint)random.Next(0, (int)size + 10);
                var allowed = received + length - forwarded <= size;
                if (credit.TryReceive(length) != allowed)
                {
                    return false;
                }

                received += allowed ? length : 0;
                var forward = (uint)random.NextInt64(0, received - forwarded + 1);
                credit.Forward(forward);
                forwarded += forward;
            }

            return credit.Forwarded == (uint)forwarded;
        }).Check(Config.QuickThrowOnFailure.WithReplay(5, 7));

    /// <summary>With a peer that says the truth, late and out of order as packets may be, nothing is sent beyond its window.</summary>
    [Fact]
    public void Send_credit_never_exceeds_an_honest_window_across_wraps() =>
        Prop.ForAll<int>(seed =>
        {
            var random = new Random(seed);
            const uint size = 1u << 24;
            var credit = new VsockSendCredit();
            credit.Update(size, 0);
            long sent = 0, read = 0;
            uint previous = 0;
            for (var step = 0; step < 2000; step++)
            {
                var count = (uint)random.NextInt64(0, credit.Available + 1);
                credit.Send(count);
                sent += count;
                if (sent - read > size)
                {
                    return false;
                }

                previous = (uint)read;
                read += random.NextInt64(0, sent - read + 1);
                if (random.Next(4) == 0)
                {
                    credit.Update(size, (uint)read);
                    credit.Update(size, previous);
                }
                else
                {
                    credit.Update(size, (uint)read);
                }
            }

            return credit.Available == size - (sent - read);
        }).Check(Config.QuickThrowOnFailure.WithReplay(9, 11));

    [Fact]
    public void Send_credit_survives_nonsense()
    {
        var credit = new VsockSendCredit();
        Assert.Equal(0, credit.Available);
        credit.Update(1000, 5);
        Assert.Equal(1000, credit.Available);
        credit.Send(600);
        credit.Update(1000, 601);
        Assert.Equal(400, credit.Available);
        credit.Update(100, 0);
        Assert.Equal(0, credit.Available);
        credit.Update(uint.MaxValue, uint.MaxValue);
        Assert.Equal(uint.MaxValue - 600L, credit.Available);
        credit.Update(1000, 600);
        Assert.Equal(1000, credit.Available);
        credit.Update(1000, 599);
        Assert.Equal(1000, credit.Available);
    }
}
