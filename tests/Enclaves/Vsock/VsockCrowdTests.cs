using NitroEnclaves.Virtio.Tests;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Connections by the thousand, as issue trackers of other devices know them.</summary>
public sealed class VsockCrowdTests
{
    const int Crowd = 9_900;
    const int PerListener = 3_300;

    /// <summary>
    /// The programs have accepted none of them, so that they cost this process one descriptor each; to the device they are as open as any.
    /// </summary>
    [Fact]
    public void Nine_thousand_nine_hundred_connections_delay_nobody_and_leave_nothing()
    {
        using var rig = new RouterRig();
        _ = Enumerable.Range(0, Crowd / PerListener).Select(i => rig.Listen(5000 + (uint)i, PerListener)).ToArray();
        var granted = 0;
        for (var i = 0u; i < Crowd; i++)
        {
            rig.Guest.Send(VsockGuest.Packet(GuestPacket.Request, 100_000 + i, 5000 + i / PerListener));
            while (rig.Guest.TryReceive(out var packet))
            {
                Assert.Equal(GuestPacket.Response, packet.Operation);
                granted++;
            }
        }

        for (; granted < Crowd; granted++)
        {
            rig.Guest.Expect(GuestPacket.Response);
        }

        Assert.Equal(Crowd, rig.Ask(device => device.ConnectionCount));
        Assert.Equal(0, rig.Ask(device => device.BufferedBytes));
        rig.AssertAlive();

        for (var i = 0u; i < Crowd; i++)
        {
            rig.Guest.Send(VsockGuest.Packet(GuestPacket.Reset, 100_000 + i, 5000 + i / PerListener));
        }

        rig.Guest.AwaitTransmitted();
        rig.AwaitNoConnections();
    }
}
