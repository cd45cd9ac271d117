using System.Net.Sockets;
using System.Runtime.Versioning;

namespace NitroEnclaves.Virtio.Tests;

public sealed class VhostUserBackendTests : IDisposable
{
    readonly TemporarySocket _socket = new();
    readonly EventLoop _loop = EventLoop.Start("device");
    readonly EchoDevice _device = new();
    readonly VhostUserBackend _backend;

    public VhostUserBackendTests() => _backend = VhostUserBackend.Listen(_loop, _device, _socket.Path);

    public void Dispose()
    {
        _backend.Dispose();
        _loop.Dispose();
        _socket.Dispose();
    }

    public static TheoryData<ulong> FeatureSets => [0, VirtioFeatures.Version1, VirtioFeatures.EventIndex, VirtioFeatures.Ring];

    [Fact]
    public void Exactly_what_is_served_is_offered()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path, queues: 2);
        frontEnd.Realize(configurationLength: 13);
        Assert.Equal(0x1_7000_0020UL, frontEnd.OfferedFeatures);
        Assert.Equal(0x209UL, frontEnd.ProtocolFeatures);
        Assert.Equal("configuration"u8, frontEnd.Configuration);
        Assert.Equal("gur"u8, frontEnd.ReadConfiguration(5, 3));
        Assert.Empty(frontEnd.ReadConfiguration(5, 9));
    }

    [Theory, MemberData(nameof(FeatureSets))]
    public void Chains_go_through_with_an_interrupt(ulong features)
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path, queues: 2);
        frontEnd.Realize();
        frontEnd.Start(features);
        for (var round = 0; round < 300; round++)
        {
            Echo(frontEnd, round % 2, $"round {round}");
        }
    }

    [Fact]
    public void Chains_that_wait_when_the_ring_starts_are_served_without_a_kick()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path);
        frontEnd.Realize();
        frontEnd.Start(fill: rings => rings[0].Add(DriverBuffer.In(GuestRam.HighBase, 16)));
        Assert.Equal((0u, 0u), frontEnd.WaitForUsed(0));
    }

    [Fact]
    public void A_ring_is_served_only_once_it_is_enabled()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path);
        frontEnd.Realize();
        frontEnd.Start();
        frontEnd.SetEnabled(0, enabled: false);
        frontEnd.Rings[0].Add(DriverBuffer.In(GuestRam.HighBase, 16));
        frontEnd.Kick(0);
        frontEnd.Settle();
        Assert.False(frontEnd.Rings[0].TryGetUsed(out _, out _));
        frontEnd.SetEnabled(0, enabled: true);
        frontEnd.WaitForUsed(0);
    }

    [Fact]
    public void A_machine_that_is_resumed_keeps_its_device_and_one_that_restarts_does_not()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path, queues: 2);
        frontEnd.Realize();
        frontEnd.Start();
        Echo(frontEnd, 0, "before");
        var bases = frontEnd.Stop();
        Assert.Equal([1, 0], bases);

        frontEnd.Resume(VirtioFeatures.Ring, bases);
        Echo(frontEnd, 0, "after");
        Assert.DoesNotContain("reset", _device.Events);

        frontEnd.Stop();
        frontEnd.Start();
        Echo(frontEnd, 0, "anew");
        Echo(frontEnd, 1, "anew");
        Assert.Single(_device.Events, "reset");
        var reset = _device.Events.LastIndexOf("reset");
        Assert.Equal(["negotiated 130000000", "started 0", "started 1"], _device.Events[(reset + 1)..]);
    }

    [Fact]
    public void A_restart_is_seen_on_whichever_ring_was_used()
    {
        for (var index = 0; index < 2; index++)
        {
            using var frontEnd = new VhostUserFrontEnd(_socket.Path, queues: 2);
            frontEnd.Realize();
            frontEnd.Start();
            Echo(frontEnd, index, "before");
            frontEnd.Stop();
            _device.Events.Clear();
            frontEnd.Start();
            Echo(frontEnd, 0, "after");
            Echo(frontEnd, 1, "after");
            Assert.Single(_device.Events, "reset");
        }
    }

    [Fact]
    public void Without_protocol_features_a_ring_runs_from_its_kick_descriptor_on()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path, queues: 2);
        for (var round = 0; round < 3; round++)
        {
            frontEnd.Wire.SendU64(VhostUserWire.SetFeatures, VirtioFeatures.Version1);
            frontEnd.SendMemory(acknowledged: false);
            frontEnd.LayOutRings(VirtioFeatures.Version1, size: 128);
            frontEnd.SetUpRing(0, 0);
            frontEnd.SetUpRing(1, 0);
            Echo(frontEnd, 0, "text");
            Echo(frontEnd, 1, "text");
            Echo(frontEnd, 1, "text");
            Assert.Equal((1, 2), (frontEnd.GetBase(0), frontEnd.GetBase(1)));
        }

        Assert.Equal(2, _device.Events.Count(what => what == "reset"));
    }

    [Fact]
    public void Interrupts_that_an_earlier_descriptor_took_are_repeated_on_a_new_one()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path);
        frontEnd.Realize();
        frontEnd.Start();

        // Nothing was used yet, so there is nothing to hear of.
        frontEnd.RenewCalls();
        frontEnd.Settle();
        Assert.False(frontEnd.WaitForCall(0, timeoutMilliseconds: 0));
        Echo(frontEnd, 0, "text");
        frontEnd.RenewCalls();
        Assert.True(frontEnd.WaitForCall(0));
    }

    [Fact]
    public void A_stopped_ring_is_neither_read_nor_written()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path);
        frontEnd.Realize();
        frontEnd.Start();
        frontEnd.Stop();
        frontEnd.Rings[0].Add(DriverBuffer.In(GuestRam.HighBase, 16));
        frontEnd.Kick(0);
        frontEnd.Settle();
        Assert.Equal(0, frontEnd.Rings[0].UsedIndex);
    }

    [Fact]
    public void The_memory_table_may_change_while_rings_run()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path, queues: 2);
        frontEnd.Realize();
        frontEnd.Start();
        for (var round = 0; round < 20; round++)
        {
            Echo(frontEnd, 0, "text");
            frontEnd.SendMemory();
            Echo(frontEnd, 1, "text");
        }
    }

    [Fact]
    public void A_front_end_that_leaves_resets_the_device_and_the_next_one_is_served()
    {
        for (var i = 0; i < 5; i++)
        {
            using var frontEnd = new VhostUserFrontEnd(_socket.Path);
            frontEnd.Realize();
            frontEnd.Start();
            Echo(frontEnd, 0, "text");
        }

        using var last = new VhostUserFrontEnd(_socket.Path);
        last.Realize();
        Assert.Equal(5, _device.Events.Count(what => what == "reset"));
    }

    [Fact]
    public async Task The_next_front_end_waits_until_the_session_ends()
    {
        using var first = new VhostUserFrontEnd(_socket.Path);
        first.Realize();
        using var second = new VhostUserFrontEnd(_socket.Path);
        var waiting = Task.Run(() => second.Realize(), TestContext.Current.CancellationToken);
        first.Start();
        Echo(first, 0, "text");
        Assert.False(waiting.IsCompleted);
        first.Wire.Dispose();
        await waiting;
        second.Start();
        Echo(second, 0, "text");
    }

    [Fact]
    public async Task A_connection_that_exists_already_is_served()
    {
        var device = new EchoDevice();
        var end = new TaskCompletionSource<VirtioException?>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var folder = new TemporarySocket();
        listener.Bind(new UnixDomainSocketEndPoint(folder.Path));
        listener.Listen();
        using var connected = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        connected.Connect(new UnixDomainSocketEndPoint(folder.Path));
        using var accepted = listener.Accept();
        using var copy = new SafeDescriptor(TestInterop.Dup(accepted.SafeHandle));
        accepted.Dispose();
        using var backend = VhostUserBackend.Attach(_loop, device, copy);
        backend.SessionEnded += end.SetResult;
        using (var frontEnd = new VhostUserFrontEnd(new VhostUserWire(connected)))
        {
            frontEnd.Realize();
            frontEnd.Start();
            Echo(frontEnd, 0, "text");
        }

        Assert.Null(await end.Task);
        Assert.True(copy.IsClosed);
    }

    [Fact]
    public void Disposing_ends_the_session_and_removes_the_socket()
    {
        using var frontEnd = new VhostUserFrontEnd(_socket.Path);
        frontEnd.Realize();
        frontEnd.Start();
        _backend.Dispose();
        frontEnd.Wire.ExpectEnd();
        Assert.Equal("reset", _device.Events[^1]);
        Assert.False(File.Exists(_socket.Path));
    }

    [Fact, SupportedOSPlatform("linux")]
    public void A_socket_whose_owner_died_is_replaced_and_nothing_else_is()
    {
        using var folder = new TemporarySocket();
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(folder.Path + ".dead"));
            dead.Listen();
            File.Move(folder.Path + ".dead", folder.Path);
        }

        Assert.True(File.Exists(folder.Path));
        using (VhostUserBackend.Listen(_loop, _device, folder.Path))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder.Path));
            Assert.Throws<IOException>(() => VhostUserBackend.Listen(_loop, _device, folder.Path));
        }

        File.WriteAllText(folder.Path, "precious");
        Assert.Throws<IOException>(() => VhostUserBackend.Listen(_loop, _device, folder.Path));
        Assert.Equal("precious", File.ReadAllText(folder.Path));
        Assert.Throws<IOException>(() => VhostUserBackend.Listen(_loop, _device, folder.Path + new string('x', 108)));
        Assert.Throws<IOException>(() => VhostUserBackend.Listen(_loop, _device, "/nowhere/device.sock"));
    }

    static void Echo(VhostUserFrontEnd frontEnd, int index, string text)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        var ring = frontEnd.Rings[index];
        bytes.CopyTo(frontEnd.Ram[GuestRam.HighBase, bytes.Length]);
        var before = ring.AvailableIndex;
        var head = ring.Add(DriverBuffer.Out(GuestRam.HighBase, bytes.Length), DriverBuffer.In(GuestRam.HighBase + 0x1000, 256));
        if (ring.NeedsKick(before))
        {
            frontEnd.Kick(index);
        }

        var (id, length) = frontEnd.WaitForUsed(index);
        Assert.Equal((head, (uint)bytes.Length), (id, length));
        Assert.Equal(bytes, frontEnd.Ram[GuestRam.HighBase + 0x1000, bytes.Length]);
    }
}
