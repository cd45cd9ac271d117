using System.Net.Sockets;
using NitroEnclaves.Tests;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>Memory, time and allocations stay within what the options say.</summary>
public sealed class VsockLimitTests
{
    [Fact]
    public void Data_both_ways_allocates_nothing()
    {
        using var fixture = new VsockFixture().Start();
        var guest = GuestConnection.Open(fixture.Guest, 1, 5000);
        using var host = fixture.Host.Accept();
        var large = new byte[60_000];

        void Round()
        {
            guest.Write(large, pieces: () => 3);
            host.Send(VsockRig.ReadExactly(host, large.Length));
            guest.Read(large.Length);
            guest.Send(GuestPacket.ReadWrite, payload: [1]);
            host.Send(VsockRig.ReadExactly(host, 1));
            guest.Read(1);
        }

        var readings = new long[6];
        foreach (ref var reading in readings.AsSpan())
        {
            for (var i = 0; i < 50; i++)
            {
                Round();
            }

            reading = fixture.Ask(_ => GC.GetAllocatedBytesForCurrentThread());
        }

        // A question costs something itself; thousands of packets nothing.
        Assert.InRange(AllocationGate.LeastStep(readings), 0, 2000);
    }

    [Fact]
    public void The_buffer_limit_of_the_device_resets_the_connection_that_goes_above_it()
    {
        using var fixture = new VsockFixture(new VsockDeviceOptions { BufferLimit = 256 * 1024 }).Start();
        var stalled = GuestConnection.Open(fixture.Guest, 1, 5000);
        using var first = fixture.Host.Accept();
        Fill(fixture, stalled);
        Assert.InRange(fixture.Ask(device => device.BufferedBytes), 1, 256 * 1024);

        var other = GuestConnection.Open(fixture.Guest, 2, 5000);
        using var second = fixture.Host.Accept();
        var isReset = false;
        for (var i = 0; i < 20 && !isReset; i++)
        {
            other.Send(GuestPacket.ReadWrite, payload: new byte[60_000]);
            fixture.Guest.AwaitTransmitted();
            fixture.Guest.IsSilent(5);
            while (fixture.Guest.TryReceive(out var packet))
            {
                isReset |= packet.Operation == GuestPacket.Reset;
            }
        }

        Assert.True(isReset);
        Assert.Equal(1, fixture.Ask(device => device.Statistics.BufferLimitResets));
        Assert.Equal(1, fixture.Ask(device => device.ConnectionCount));
    }

    /// <summary>The guest has closed, been reset and forgotten the connection; the program that never reads is given up as well.</summary>
    [Fact]
    public void A_program_that_never_reads_is_given_up_in_the_end()
    {
        var options = new VsockDeviceOptions { CloseTimeout = TimeSpan.FromMilliseconds(30), DrainTimeout = TimeSpan.FromMilliseconds(60) };
        using var fixture = new VsockFixture(options).Start();
        var guest = GuestConnection.Open(fixture.Guest, 1, 5000);
        using var host = fixture.Host.Accept();
        Fill(fixture, guest);
        guest.Send(GuestPacket.Shutdown, GuestPacket.Both);
        ExpectReset(fixture.Guest);
        fixture.AwaitNoConnections();
        Assert.Equal(0, fixture.Ask(device => device.BufferedBytes));
    }

    [Fact]
    public void The_addresses_of_a_connection_that_only_drains_are_free()
    {
        using var fixture = new VsockFixture(new VsockDeviceOptions { CloseTimeout = TimeSpan.FromMilliseconds(30) }).Start();
        var guest = GuestConnection.Open(fixture.Guest, 1, 5000);
        using var host = fixture.Host.Accept();
        var sent = Fill(fixture, guest);
        guest.Send(GuestPacket.Shutdown, GuestPacket.Both);
        ExpectReset(fixture.Guest);

        var again = GuestConnection.Open(fixture.Guest, 1, 5000);
        using var second = fixture.Host.Accept();
        again.Send(GuestPacket.ReadWrite, payload: [42]);
        Assert.Equal([42], VsockRig.ReadExactly(second, 1));
        Assert.Equal(sent, VsockRig.ReadToEnd(host).Length);
        Assert.Equal(1, fixture.Ask(device => device.ConnectionCount));
    }

    [Fact]
    public void A_program_that_reads_no_more_ends_the_guests_sending_only()
    {
        using var fixture = new VsockFixture().Start();
        var guest = GuestConnection.Open(fixture.Guest, 1, 5000);
        using var host = fixture.Host.Accept();
        host.Shutdown(SocketShutdown.Receive);
        guest.Send(GuestPacket.ReadWrite, payload: [1]);
        Assert.Equal((GuestPacket.Shutdown, GuestPacket.NoReceive), (guest.Next().Operation, GuestPacket.NoReceive));
        host.Send([7]);
        Assert.Equal([7], guest.Read(1));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(uint.MaxValue)]
    public void Reserved_cids_are_refused(uint cid)
    {
        using var loop = new EventLoop();
        Assert.Throws<ArgumentOutOfRangeException>(() => new VsockVirtioDevice(loop, cid, new ScriptedBackend()));
    }

    // Credit for what the host's socket has taken may be announced until the device reads that the guest will not send.
    static void ExpectReset(VsockGuest guest)
    {
        GuestPacket packet;
        do
        {
            packet = guest.Receive();
        }
        while (packet.Operation == GuestPacket.CreditUpdate);
        Assert.Equal(GuestPacket.Reset, packet.Operation);
    }

    /// <summary>Sends until the credit is used up and no more comes.</summary>
    static int Fill(VsockFixture fixture, GuestConnection guest)
    {
        var sent = 0;
        while (guest.Credit > 0 || !fixture.Guest.IsSilent(30))
        {
            if (guest.Credit <= 0)
            {
                guest.Next();
                continue;
            }

            var count = (int)Math.Min(guest.Credit, 60_000);
            guest.Send(GuestPacket.ReadWrite, payload: new byte[count]);
            sent += count;
        }

        fixture.Guest.AwaitTransmitted();
        return sent;
    }
}
