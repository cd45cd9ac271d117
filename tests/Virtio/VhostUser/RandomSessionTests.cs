using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>
/// Sessions of random messages, most of them nearly right, over memory of random bytes: whatever comes of it, the back end goes
/// on, serves the next front end, and keeps nothing.
/// </summary>
public sealed class RandomSessionTests : IDisposable
{
    const int Sessions = 80;
    const int Messages = 60;
    const string MemoryName = "random-session";

    readonly TemporarySocket _socket = new();
    readonly EventLoop _loop = EventLoop.Start("device");
    readonly EchoDevice _device = new();
    readonly VhostUserBackend _backend;
    int _breaks;

    public RandomSessionTests() => _backend = VhostUserBackend.Listen(_loop, _device, _socket.Path);

    public void Dispose()
    {
        _backend.Dispose();
        _loop.Dispose();
        _socket.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_back_end_survives_any_session(int seed)
    {
        var random = new Random(seed);
        for (var session = 0; session < Sessions; session++)
        {
            using var frontEnd = new VhostUserFrontEnd(_socket.Path, queues: 2, MemoryName);
            if (session % 4 > 0)
            {
                frontEnd.Realize();
            }

            if (session % 4 > 1)
            {
                frontEnd.Start();
                frontEnd.Stop();
            }

            if (session % 2 == 0)
            {
                random.NextBytes(frontEnd.Ram[GuestRam.LowBase, (int)GuestRam.LowSize]);
            }

            try
            {
                for (var i = 0; i < Messages; i++)
                {
                    SendSomething(frontEnd, random);
                }

                // The loop takes one message in a turn, and runs what is posted before each.
                for (var i = 0; i <= Messages; i++)
                {
                    _loop.Invoke(() => { });
                }

                _loop.Invoke(() => _breaks += _device.Queues.Count(queue => queue is not null && queue.Fault != VirtioFault.None));
            }
            catch (Xunit.Sdk.EqualException)
            {
                // The back end has had enough of this front end, and sending fails.
            }

        }

        using (var frontEnd = new VhostUserFrontEnd(_socket.Path))
        {
            frontEnd.Realize();
            frontEnd.Start();
            frontEnd.Rings[0].Add(DriverBuffer.In(GuestRam.HighBase, 16));
            frontEnd.Kick(0);
            frontEnd.WaitForUsed(0);
        }

        // The generator gets far enough to matter: rings run, some break, guests restart.
        Assert.InRange(_device.Events.Count(what => what.StartsWith("started", StringComparison.Ordinal)), 100, int.MaxValue);
        Assert.True(_breaks > 0);
        Assert.False(_loop.Completion.IsCompleted);
        Assert.DoesNotContain(Directory.GetFiles("/proc/self/fd"), each => new FileInfo(each).LinkTarget?.Contains(MemoryName) == true);
        Assert.DoesNotContain(File.ReadLines("/proc/self/maps"), each => each.Contains(MemoryName));
    }

    static void SendSomething(VhostUserFrontEnd frontEnd, Random random)
    {
        var wire = frontEnd.Wire;
        var index = (uint)(random.Next(30) == 0 ? random.Next() : random.Next(2));
        var needReply = random.Next(10) > 0;
        switch (random.Next(14))
        {
            case 0:
                ulong[] features = [0, VirtioFeatures.Ring, VirtioFeatures.Ring | VhostUserFrontEnd.ProtocolFeaturesBit, VirtioFeatures.EventIndex];
                wire.SendU64(VhostUserWire.SetFeatures, random.Next(20) == 0 ? (ulong)random.NextInt64() : features[random.Next(4)], needReply);
                break;
            case 1:
                SendMemory(frontEnd, random, needReply);
                break;
            case 2 or 3:
                wire.SendState(VhostUserWire.SetVringNum, index, random.Next(10) == 0 ? (uint)random.Next() : 1u << random.Next(11), needReply);
                break;
            case 4:
                wire.SendState(VhostUserWire.SetVringBase, index, (uint)random.Next(random.Next(4) == 0 ? 70_000 : 3), needReply);
                break;
            case 5 or 6:
                var layout = new VirtqueueLayout(0, Place(random), Place(random), Place(random), RingAddressSpace.User);
                frontEnd.SendAddresses((int)index, layout, needReply);
                break;
            case 7 or 8:
                using (var signal = new EventSignal())
                {
                    signal.Raise();
                    wire.SendU64(VhostUserWire.SetVringKick, index & 0xFF, needReply, signal.Descriptor);
                }

                break;
            case 9:
                using (var signal = new EventSignal())
                {
                    wire.SendU64(random.Next(2) == 0 ? VhostUserWire.SetVringCall : VhostUserWire.SetVringErr, index & 0x1FF, needReply, signal.Descriptor);
                }

                break;
            case 10 or 11:
                wire.SendState(VhostUserWire.SetVringEnable, index, (uint)(random.Next(8) == 0 ? random.Next(3) : 1), needReply);
                break;
            case 12:
                wire.SendState(VhostUserWire.GetVringBase, index, 0, needReply);
                break;
            default:
                if (random.Next(20) == 0)
                {
                    var bytes = new byte[random.Next(64)];
                    random.NextBytes(bytes);
                    wire.Send((uint)random.Next(45), bytes, needReply);
                }

                break;
        }
    }

    static void SendMemory(VhostUserFrontEnd frontEnd, Random random, bool needReply)
    {
        var regions = frontEnd.Ram.Regions[..(random.Next(4) == 0 ? 1 : 2)];
        var numbers = regions.SelectMany(region => new[] { region.GuestAddress, region.Size, region.UserAddress, region.FileOffset }).Prepend((ulong)regions.Length).ToArray();
        if (random.Next(10) == 0)
        {
            numbers[random.Next(numbers.Length)] ^= 1UL << random.Next(64);
        }

        var payload = new byte[numbers.Length * sizeof(ulong)];
        MemoryMarshal.AsBytes<ulong>(numbers).CopyTo(payload);
        BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(4), 0);
        frontEnd.Wire.Send(VhostUserWire.SetMemTable, payload, needReply, [.. regions.Select(region => region.File)]);
    }

    static ulong Place(Random random) => GuestRam.ToUser(GuestRam.LowBase + (ulong)random.Next((int)GuestRam.LowSize)) & ~(random.Next(10) == 0 ? 0UL : 0xFUL);
}
