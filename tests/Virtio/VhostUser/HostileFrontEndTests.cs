using System.Collections.Concurrent;
using System.IO.Pipes;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>What a broken or captured front end can send: rows <c>vu_*</c> and <c>ring_oob</c> of vsock.md 4.1.</summary>
public sealed class HostileFrontEndTests : IDisposable
{
    readonly TemporarySocket _socket = new();
    readonly EventLoop _loop = EventLoop.Start("device");
    readonly EchoDevice _device = new();
    readonly VhostUserBackend _backend;
    readonly ConcurrentQueue<VirtioException?> _ends = new();

    public HostileFrontEndTests()
    {
        _backend = VhostUserBackend.Listen(_loop, _device, _socket.Path);
        _backend.SessionEnded += _ends.Enqueue;
    }

    public void Dispose()
    {
        _backend.Dispose();
        _loop.Dispose();
        _socket.Dispose();
    }

    public static TheoryData<string> MalformedNames => [.. HostileMessage.Malformed.Select(each => each.Name)];

    public static TheoryData<string> RefusedNames => [.. HostileMessage.Refused.Select(each => each.Name)];

    [Theory, MemberData(nameof(MalformedNames))]
    public void A_malformed_message_ends_the_session_and_the_next_front_end_is_served(string name)
    {
        var @case = HostileMessage.Malformed.Single(each => each.Name == name);
        using (var frontEnd = new VhostUserFrontEnd(_socket.Path))
        {
            frontEnd.Realize();
            @case.Send(frontEnd, frontEnd.Wire);
            ExpectEnd(frontEnd);
        }

        ExpectService();
        Assert.Equal(@case.Fault, FirstEnd());
    }

    [Theory, MemberData(nameof(RefusedNames))]
    public void A_request_that_makes_no_sense_is_refused_where_an_answer_is_wanted(string name)
    {
        var @case = HostileMessage.Refused.Single(each => each.Name == name);
        using var frontEnd = new VhostUserFrontEnd(_socket.Path);
        frontEnd.Realize();
        var wire = frontEnd.Wire;
        @case.Send(frontEnd, wire);
        Assert.NotEqual(0UL, wire.ReceiveAcknowledgement());

        // Nothing is broken by it.
        if (name != "vu_start_without_memory")
        {
            frontEnd.Start();
            ExpectEcho(frontEnd);
        }
    }

    [Theory, MemberData(nameof(RefusedNames))]
    public void A_request_that_makes_no_sense_ends_the_session_where_no_answer_is_wanted(string name)
    {
        var @case = HostileMessage.Refused.Single(each => each.Name == name);
        using (var frontEnd = new VhostUserFrontEnd(_socket.Path))
        {
            // Without REPLY_ACK the flag that asks for an answer means nothing.
            @case.Send(frontEnd, frontEnd.Wire);
            if (name == "vu_set_config")
            {
                // A guest's doing, which must not cost it its device.
                Assert.Equal(0x1_7000_0020UL, frontEnd.Wire.Ask(VhostUserWire.GetFeatures));
                return;
            }

            ExpectEnd(frontEnd);
        }

        ExpectService();
        Assert.Equal(@case.Fault, FirstEnd());
    }

    public static TheoryData<string, ulong, ulong, ulong, VirtioFault> BadRings => new()
    {
        { "ring_oob descriptors", 0, 0x1000, 0x2000, VirtioFault.RingOutsideMemory },
        { "ring_oob available", 0x1000, 0, 0x2000, VirtioFault.RingOutsideMemory },
        { "ring_oob used", 0x1000, 0x2000, 0, VirtioFault.RingOutsideMemory },
        { "ring_oob over the end", GuestRam.LowSize - 16, 0x1000, 0x2000, VirtioFault.RingOutsideMemory },
        { "ring_oob misaligned", 0x1000, 0x2000, 0x3002, VirtioFault.RingAlignment },
    };

    [Theory, MemberData(nameof(BadRings))]
    public void A_ring_outside_memory_is_refused(string name, ulong descriptors, ulong available, ulong used, VirtioFault fault)
    {
        using (var frontEnd = new VhostUserFrontEnd(_socket.Path))
        {
            frontEnd.Realize();
            frontEnd.Start();
            frontEnd.Stop();
            frontEnd.Resume(VirtioFeatures.Ring, [0]);
            frontEnd.SetEnabled(0, enabled: false);
            frontEnd.GetBase(0);
            frontEnd.SendAddresses(0, new VirtqueueLayout(0, Place(descriptors), Place(available), Place(used), RingAddressSpace.User));
            using var kick = new EventSignal();
            frontEnd.Wire.SendU64(VhostUserWire.SetVringKick, 0, needReply: false, kick.Descriptor);
            frontEnd.Wire.SendState(VhostUserWire.SetVringEnable, 0, 1);
            ExpectEnd(frontEnd);
        }

        ExpectService();
        Assert.True(fault == FirstEnd(), name);

        static ulong Place(ulong offset) => offset == 0 ? 0 : GuestRam.ToUser(GuestRam.LowBase + offset);
    }

    [Fact]
    public void A_started_ring_is_not_set_up_anew()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path);
        frontEnd.Realize();
        frontEnd.Start();
        frontEnd.Wire.SendState(VhostUserWire.SetVringNum, 0, 8, needReply: true);
        Assert.NotEqual(0UL, frontEnd.Wire.ReceiveU64(VhostUserWire.SetVringNum));
        frontEnd.Wire.SendState(VhostUserWire.SetVringBase, 0, 8, needReply: true);
        Assert.NotEqual(0UL, frontEnd.Wire.ReceiveU64(VhostUserWire.SetVringBase));
        frontEnd.SendAddresses(0, frontEnd.Rings[0].UserLayout, needReply: true);
        Assert.NotEqual(0UL, frontEnd.Wire.ReceiveU64(VhostUserWire.SetVringAddr));
        frontEnd.Wire.SendU64(VhostUserWire.SetFeatures, 0, needReply: true);
        Assert.NotEqual(0UL, frontEnd.Wire.ReceiveU64(VhostUserWire.SetFeatures));
        frontEnd.Wire.SendU64(VhostUserWire.SetFeatures, frontEnd.Features, needReply: true);
        Assert.Equal(0UL, frontEnd.Wire.ReceiveU64(VhostUserWire.SetFeatures));
        ExpectEcho(frontEnd);
    }

    [Fact]
    public void A_broken_ring_is_reported_and_the_other_one_goes_on()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path, queues: 2);
        frontEnd.Realize();
        frontEnd.Start();
        frontEnd.Rings[0].AvailableIndex = 5000;
        frontEnd.Kick(0);
        Assert.True(frontEnd.WaitForError(0));
        Assert.Equal(VirtioFault.AvailableIndexJump, _device.Queues[0]!.Fault);
        ExpectEcho(frontEnd, index: 1);

        // A guest that restarts gets both rings back.
        frontEnd.Stop();
        frontEnd.Start();
        ExpectEcho(frontEnd, index: 0);
        ExpectEcho(frontEnd, index: 1);
    }

    [Fact]
    public void Memory_that_no_longer_holds_a_ring_breaks_it()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path);
        frontEnd.Realize();
        frontEnd.Start();
        frontEnd.Wire.Send(VhostUserWire.SetMemTable, HostileMessage.Region(0, 0x1000, 0, 0), needReply: true, frontEnd.Ram.File);
        Assert.Equal(0UL, frontEnd.Wire.ReceiveU64(VhostUserWire.SetMemTable));
        Assert.True(frontEnd.WaitForError(0));
        frontEnd.Kick(0);
        frontEnd.Settle();
        Assert.Equal(VirtioFault.RingOutsideMemory, _device.Queues[0]!.Fault);
    }

    [Fact]
    public void A_kick_descriptor_whose_other_end_is_gone_does_not_keep_the_loop_busy()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path);
        frontEnd.Realize();
        frontEnd.Start();
        using (var pipe = new AnonymousPipeServerStream(PipeDirection.Out))
        {
            frontEnd.Wire.SendU64(VhostUserWire.SetVringKick, 0, needReply: true, pipe.ClientSafePipeHandle);
            Assert.Equal(0UL, frontEnd.Wire.ReceiveU64(VhostUserWire.SetVringKick));
            pipe.DisposeLocalCopyOfClientHandle();
        }

        frontEnd.Settle();
        var turns = _device.Turns;
        for (var i = 0; i < 20; i++)
        {
            frontEnd.Settle();
        }

        Assert.Equal(turns, _device.Turns);
    }

    [Fact]
    public void Descriptors_that_are_no_use_for_a_ring_are_refused_and_the_ring_keeps_its_own()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path);
        frontEnd.Realize();
        frontEnd.Start();
        using var path = new SafeDescriptor(TestInterop.OpenPath("/"));
        foreach (var request in new[] { VhostUserWire.SetVringKick, VhostUserWire.SetVringCall, VhostUserWire.SetVringErr })
        {
            frontEnd.Wire.SendU64(request, 0, needReply: true, path);
            Assert.NotEqual(0UL, frontEnd.Wire.ReceiveU64(request));
            ExpectEcho(frontEnd);
        }

        // Not to be waited for, which shows when the ring starts.
        frontEnd.Stop();
        frontEnd.Wire.SendU64(VhostUserWire.SetVringKick, 0, needReply: true, frontEnd.Ram.File);
        Assert.Equal(0UL, frontEnd.Wire.ReceiveU64(VhostUserWire.SetVringKick));
        frontEnd.Wire.SendState(VhostUserWire.SetVringEnable, 0, 1, needReply: true);
        Assert.NotEqual(0UL, frontEnd.Wire.ReceiveU64(VhostUserWire.SetVringEnable));
        frontEnd.GetBase(0);
        frontEnd.Start();
        ExpectEcho(frontEnd);
    }

    [Fact]
    public void A_message_may_come_byte_by_byte_with_its_descriptors_first()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path);
        frontEnd.Realize();
        byte[] message = [.. HostileMessage.Header(VhostUserWire.SetMemTable, 9, 40), .. HostileMessage.Region(GuestRam.LowBase, 0x1000, 0, 0)];
        frontEnd.Wire.SendRaw(message.AsSpan(0, 1), frontEnd.Ram.File);
        for (var i = 1; i < message.Length; i++)
        {
            // The loop takes each byte alone.
            _loop.Invoke(() => { });
            frontEnd.Wire.SendRaw(message.AsSpan(i, 1));
        }

        Assert.Equal(0UL, frontEnd.Wire.ReceiveU64(VhostUserWire.SetMemTable));
        frontEnd.Start();
        ExpectEcho(frontEnd);
    }

    [Fact]
    public void A_front_end_that_does_not_read_its_replies_is_dropped()
    {
        using (var frontEnd = new VhostUserFrontEnd(_socket.Path))
        {
            var requests = new byte[12 * 1000];
            for (var i = 0; i < 1000; i++)
            {
                HostileMessage.Header(VhostUserWire.GetFeatures, 1, 0).CopyTo(requests, i * 12);
            }

            try
            {
                for (var i = 0; i < 1000; i++)
                {
                    frontEnd.Wire.SendRaw(requests);
                }

                Assert.Fail("A million replies went nowhere.");
            }
            catch (Xunit.Sdk.EqualException)
            {
                // The connection is gone.
            }
        }

        ExpectService();
        Assert.Equal(VirtioFault.ConnectionLost, FirstEnd());
    }

    [Fact]
    public void Sessions_leave_no_descriptor_and_no_mapping_behind()
    {
        const string Name = "leak-test";
        Round(1);
        var (descriptors, mappings) = (Descriptors(), Mappings());
        Round(40);
        Assert.Equal((descriptors, mappings), (Descriptors(), Mappings()));

        void Round(int count)
        {
            var refused = HostileMessage.Refused.Where(each => each.Name != "vu_start_without_memory").ToArray();
            for (var i = 0; i < count; i++)
            {
                using (var frontEnd = new VhostUserFrontEnd(_socket.Path, queues: 2, Name))
                {
                    frontEnd.Realize();
                    frontEnd.Start();
                    ExpectEcho(frontEnd);
                    frontEnd.SendMemory();
                    frontEnd.Stop();
                    frontEnd.Start();
                    refused[i % refused.Length].Send(frontEnd, frontEnd.Wire);
                }

                using (var frontEnd = new VhostUserFrontEnd(_socket.Path, queues: 2, Name))
                {
                    frontEnd.Realize();
                    HostileMessage.Malformed[i % HostileMessage.Malformed.Length].Send(frontEnd, frontEnd.Wire);
                }
            }

            // Connecting waits for the end of the session before.
            ExpectService();
            using var last = new VhostUserFrontEnd(_socket.Path);
            last.Realize();
        }

        static int Descriptors() => Directory.GetFiles("/proc/self/fd").Count(each => new FileInfo(each).LinkTarget?.Contains($"memfd:{Name}") == true);
        static int Mappings() => File.ReadLines("/proc/self/maps").Count(each => each.Contains($"memfd:{Name}"));
    }

    // The session under test comes first; those that look whether all is well end in order.
    VirtioFault? FirstEnd() => _ends.TryPeek(out var reason) ? reason?.Fault : null;

    void ExpectService()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path);
        frontEnd.Realize();
        frontEnd.Start();
        ExpectEcho(frontEnd);
    }

    void ExpectEnd(VhostUserFrontEnd frontEnd)
    {
        try
        {
            frontEnd.Wire.ExpectEnd();
        }
        catch (ObjectDisposedException)
        {
            // The test closed it.
        }
    }

    static void ExpectEcho(VhostUserFrontEnd frontEnd, int index = 0)
    {
        "text"u8.CopyTo(frontEnd.Ram[GuestRam.HighBase, 4]);
        frontEnd.Rings[index].Add(DriverBuffer.Out(GuestRam.HighBase, 4), DriverBuffer.In(GuestRam.HighBase + 0x1000, 256));
        frontEnd.Kick(index);
        Assert.Equal(4u, frontEnd.WaitForUsed(index).Length);
    }
}
