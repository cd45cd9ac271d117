using System.Net.Sockets;
using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>Random guests and programs. Whatever they do, the device lives, gives every chain back, and is empty after a reset.</summary>
public sealed class VsockStormTests
{
    [Fact]
    public void Random_packets_leave_the_device_alive_and_empty() =>
        Prop.ForAll<int>(seed =>
        {
            var random = new Random(seed);
            var options = new VsockDeviceOptions
            {
                MaxConnections = 20,
                BufferSize = 16 * 1024,
                BufferLimit = 128 * 1024,
                CloseTimeout = TimeSpan.FromMilliseconds(5),
                ConnectTimeout = TimeSpan.FromMilliseconds(5),
                DrainTimeout = TimeSpan.FromMilliseconds(10),
            };
            using var fixture = new VsockFixture(options, receiveSize: random.Next(64, 3000));
            fixture.Start(random.Next(2) == 0 ? VirtioFeatures.Ring : VirtioFeatures.Version1, 32);
            var hosts = new List<Socket>();
            for (var step = 0; step < 400; step++)
            {
                Step(fixture, random, hosts);
            }

            fixture.Guest.Refill();
            fixture.Guest.AwaitTransmitted();
            fixture.Guest.FrontEnd.Stop();
            fixture.Guest.Start();
            Assert.Equal((0, 0L), fixture.Ask(device => (device.ConnectionCount, device.BufferedBytes)));
            var alive = GuestConnection.Open(fixture.Guest, 1, 5000);
            alive.Send(GuestPacket.ReadWrite, payload: [1]);
            hosts.ForEach(host => host.Dispose());
        }).Check(Config.QuickThrowOnFailure.WithReplay(31, 33).WithMaxTest(25));

    static void Step(VsockFixture fixture, Random random, List<Socket> hosts)
    {
        switch (random.Next(10))
        {
            case 0:
                var (device, host) = ScriptedBackend.Pair(random.Next(2) * 4096);
                hosts.Add(host);
                fixture.Loop.Post(() => fixture.Device.Connect(device, (uint)random.Next(4), new Indifferent()));
                break;
            case 1 when hosts.Count > 0:
                DoOnHost(hosts[random.Next(hosts.Count)], random);
                break;
            case 2:
                fixture.Guest.Refills = random.Next(2) == 0;
                if (fixture.Guest.Refills)
                {
                    fixture.Guest.Refill();
                }

                while (fixture.Guest.TryReceive(out _))
                {
                }

                break;
            default:
                fixture.Guest.Send(
                    new GuestPacket
                    {
                        SourceCid = random.Next(20) == 0 ? (ulong)random.Next() : VsockGuest.Cid,
                        DestinationCid = (ulong)random.Next(1, 5),
                        SourcePort = (uint)random.Next(4),
                        DestinationPort = random.Next(4) switch { 0 => (1u << 30) + (uint)random.Next(8), 1 => 5001, _ => 5000 },
                        Type = (ushort)(random.Next(15) == 0 ? random.Next(4) : 1),
                        Operation = (ushort)random.Next(0, 10),
                        Flags = (uint)random.Next(0, 5),
                        BufferSize = random.Next(3) == 0 ? (uint)random.Next() : 100_000,
                        Forwarded = random.Next(3) == 0 ? (uint)random.Next(200_000) : 0,
                        Payload = new byte[random.Next(3) == 0 ? random.Next(20_000) : 0],
                        Length = random.Next(30) == 0 ? (uint)random.Next() : null,
                    },
                    pieces: random.Next(4));

                // A guest that takes no answers is stalled in time, as it should be; it takes some then.
                if (fixture.Guest.Outstanding > 20)
                {
                    fixture.Guest.Refill();
                    while (fixture.Guest.TryReceive(out _))
                    {
                    }
                }

                break;
        }
    }

    static void DoOnHost(Socket host, Random random)
    {
        try
        {
            host.Blocking = false;
            switch (random.Next(4))
            {
                case 0:
                    host.Send(new byte[random.Next(50_000)]);
                    break;
                case 1:
                    host.Receive(new byte[random.Next(50_000)]);
                    break;
                case 2:
                    host.Shutdown((SocketShutdown)random.Next(3));
                    break;
                default:
                    host.Dispose();
                    break;
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
        }
    }

    /// <summary>Several connections at once, random sizes and pauses on both ends: every stream arrives whole and ends.</summary>
    [Fact]
    public void Streams_arrive_whole() =>
        Prop.ForAll<int>(seed =>
        {
            var random = new Random(seed);
            using var fixture = new VsockFixture(new VsockDeviceOptions { BufferSize = 4096 << random.Next(7) }, receiveSize: random.Next(100, 4097));
            fixture.Start(random.Next(2) == 0 ? VirtioFeatures.Ring : 0, 64);
            fixture.Host.SendBuffer = random.Next(2) * 8192;
            for (var round = 0; round < 3; round++)
            {
                var guest = GuestConnection.Open(fixture.Guest, (uint)round, 5000, window: (uint)random.Next(2_000, 300_000));
                using var host = fixture.Host.Accept();
                var up = VsockRig.Random(random.Next(0, 600_000), seed);
                var down = VsockRig.Random(random.Next(0, 600_000), seed + 1);
                var received = Task.Run(() => ReadSlowly(host, seed));
                guest.Write(up, () => random.Next(1, 65_537), () => random.Next(0, 5));
                guest.Send(GuestPacket.Shutdown, GuestPacket.NoSend);
                Assert.Equal(up, received.WaitAsync(VsockGuest.Patience).GetAwaiter().GetResult());

                var sent = Task.Run(() =>
                {
                    host.Send(down);
                    host.Dispose();
                });
                Assert.Equal(down, guest.ReadToEnd());
                Assert.Equal((GuestPacket.Shutdown, GuestPacket.Both), (guest.Last!.Operation, guest.Last.Flags));
                guest.Send(GuestPacket.Reset);
                sent.WaitAsync(VsockGuest.Patience).GetAwaiter().GetResult();
            }

            fixture.AwaitNoConnections();
        }).Check(Config.QuickThrowOnFailure.WithReplay(41, 43).WithMaxTest(20));

    static byte[] ReadSlowly(Socket host, int seed)
    {
        var random = new Random(seed);
        using var data = new MemoryStream();
        while (true)
        {
            var buffer = new byte[random.Next(1, 100_000)];
            var read = host.Receive(buffer);
            if (read == 0)
            {
                return data.ToArray();
            }

            data.Write(buffer, 0, read);
            if (random.Next(20) == 0)
            {
                Thread.Sleep(1);
            }
        }
    }

    sealed class Indifferent : IVsockConnectCompletion
    {
        public void Connected(SafeDescriptor socket, uint hostPort)
        {
        }

        public void Failed(VsockConnectFailure failure)
        {
        }
    }
}
