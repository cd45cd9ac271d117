using System.Buffers.Binary;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>
/// Plays QEMU and the guest's driver over a vhost-user connection: the messages in the order traced from QEMU 11.1.3, memory of
/// two regions in which guest address, front-end address and file offset all differ, and a driver for each ring. Test code is
/// the guest: it fills <see cref="Ram"/>, adds chains to <see cref="Rings"/>, kicks and waits.
/// </summary>
sealed class VhostUserFrontEnd : IDisposable
{
    public const ulong ProtocolFeaturesBit = 1UL << 30;
    const int TimeoutMilliseconds = 20_000;

    readonly ulong[] _ringAddresses;
    readonly EventSignal[] _kicks;
    EventSignal[] _calls;
    readonly EventSignal[] _errors;

    /// <summary>Connects to a back end that listens.</summary>
    /// <param name="path">Its socket.</param>
    /// <param name="queues">Rings that the driver uses, not more than the device has.</param>
    /// <param name="memoryName">Name of the guest's memory in <c>/proc/self/maps</c>.</param>
    public VhostUserFrontEnd(string path, int queues = 1, string memoryName = "guest") : this(new VhostUserWire(path), queues, memoryName)
    {
    }

    public VhostUserFrontEnd(VhostUserWire wire, int queues = 1, string memoryName = "guest")
    {
        Ram = new GuestRam(memoryName);
        Wire = wire;
        _kicks = Signals(queues);
        _calls = Signals(queues);
        _errors = Signals(queues);
        _ringAddresses = [.. Enumerable.Range(0, queues).Select(i => GuestRam.LowBase + 0x1000 + (ulong)i * 0x2_0000)];
        Rings = new DriverRing[queues];
    }

    public VhostUserWire Wire { get; }

    public GuestRam Ram { get; }

    /// <summary>The drivers' rings; made by <see cref="Start"/>.</summary>
    public DriverRing[] Rings { get; private set; }

    /// <summary>What the back end offered, after <see cref="Realize"/>.</summary>
    public ulong OfferedFeatures { get; private set; }

    public ulong ProtocolFeatures { get; private set; }

    /// <summary>What <see cref="Start"/> accepted.</summary>
    public ulong Features { get; private set; }

    /// <summary>The devices's configuration space, where <see cref="Realize"/> was told to read it.</summary>
    public byte[] Configuration { get; private set; } = [];

    /// <summary>As QEMU when the device is plugged.</summary>
    public void Realize(int configurationLength = 0)
    {
        OfferedFeatures = Wire.Ask(VhostUserWire.GetFeatures);
        ProtocolFeatures = Wire.Ask(VhostUserWire.GetProtocolFeatures);
        Wire.SendU64(VhostUserWire.SetProtocolFeatures, ProtocolFeatures);
        if (configurationLength > 0)
        {
            Wire.Ask(VhostUserWire.GetQueueNum);
        }

        Wire.Send(VhostUserWire.SetOwner, []);
        Wire.Ask(VhostUserWire.GetFeatures);
        for (var i = 0; i < _calls.Length; i++)
        {
            SendDescriptor(VhostUserWire.SetVringCall, i, _calls[i]);
            SendDescriptor(VhostUserWire.SetVringErr, i, _errors[i]);
        }

        if (configurationLength > 0)
        {
            Configuration = ReadConfiguration(0, configurationLength);
        }
    }

    /// <summary>As QEMU when the guest's driver is ready (DRIVER_OK), with fresh rings.</summary>
    /// <param name="features">Accepted, without the protocol features' bit.</param>
    /// <param name="size">Entries of each ring: 1024 as over MMIO, 128 as over PCI.</param>
    /// <param name="fill">Called when the rings are laid out and before they run, as a driver fills its receive ring.</param>
    public void Start(ulong features = VirtioFeatures.Ring, int size = 128, Action<DriverRing[]>? fill = null)
    {
        LayOutRings(features, size);
        fill?.Invoke(Rings);
        Resume(features, new ushort[Rings.Length]);
    }

    /// <summary>Makes fresh rings in the guest's memory, of which the back end knows nothing yet.</summary>
    public void LayOutRings(ulong features, int size) =>
        Rings = [.. _ringAddresses.Select(address => new DriverRing(Ram, size, address, (features & VirtioFeatures.EventIndex) != 0))];

    /// <summary>As QEMU when the machine goes on: the rings that are there, from the indices that <see cref="Stop"/> returned.</summary>
    public void Resume(ulong features, ushort[] bases)
    {
        Features = features | ProtocolFeaturesBit;
        RenewCalls();
        Wire.SendU64(VhostUserWire.SetFeatures, Features);
        SendMemory();
        for (var i = 0; i < Rings.Length; i++)
        {
            SetUpRing(i, bases[i]);
        }

        for (var i = 0; i < Rings.Length; i++)
        {
            SetEnabled(i, enabled: true);
        }

        RenewCalls();
    }

    /// <summary>As QEMU when the guest resets or the machine pauses.</summary>
    /// <returns>The rings' next available indices.</returns>
    public ushort[] Stop()
    {
        for (var i = 0; i < Rings.Length; i++)
        {
            SetEnabled(i, enabled: false);
        }

        var bases = new ushort[Rings.Length];
        for (var i = 0; i < bases.Length; i++)
        {
            bases[i] = GetBase(i);
        }

        RenewCalls();
        return bases;
    }

    public void SendMemory(bool acknowledged = true)
    {
        var regions = Ram.Regions;
        var payload = new byte[8 + regions.Length * 32];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, (uint)regions.Length);
        for (var i = 0; i < regions.Length; i++)
        {
            var entry = payload.AsSpan(8 + i * 32);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, regions[i].GuestAddress);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], regions[i].Size);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], regions[i].UserAddress);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[24..], regions[i].FileOffset);
        }

        Wire.Send(VhostUserWire.SetMemTable, payload, acknowledged, [.. regions.Select(region => region.File)]);
        if (acknowledged)
        {
            Assert.Equal(0UL, Wire.ReceiveU64(VhostUserWire.SetMemTable));
        }
    }

    public void SetUpRing(int index, ushort first)
    {
        Wire.SendState(VhostUserWire.SetVringNum, (uint)index, (uint)Rings[index].Size);
        Wire.SendState(VhostUserWire.SetVringBase, (uint)index, first);
        SendAddresses(index, Rings[index].UserLayout);
        SendDescriptor(VhostUserWire.SetVringKick, index, _kicks[index]);
        SendDescriptor(VhostUserWire.SetVringCall, index, _calls[index]);
    }

    public void SendAddresses(int index, VirtqueueLayout layout, bool needReply = false)
    {
        var payload = new byte[40];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, (uint)index);
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(8), layout.Descriptors);
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(16), layout.Used);
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(24), layout.Available);
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(32), layout.Used);
        Wire.Send(VhostUserWire.SetVringAddr, payload, needReply);
    }

    public void SetEnabled(int index, bool enabled)
    {
        Wire.SendState(VhostUserWire.SetVringEnable, (uint)index, enabled ? 1u : 0, needReply: true);
        Assert.Equal(0UL, Wire.ReceiveU64(VhostUserWire.SetVringEnable));
    }

    public ushort GetBase(int index)
    {
        Wire.SendState(VhostUserWire.GetVringBase, (uint)index, 0);
        var reply = Wire.Receive(VhostUserWire.GetVringBase);
        Assert.Equal((uint)index, BinaryPrimitives.ReadUInt32LittleEndian(reply));
        return (ushort)BinaryPrimitives.ReadUInt32LittleEndian(reply.AsSpan(4));
    }

    /// <summary>Reads configuration space; empty where the back end refuses the range.</summary>
    public byte[] ReadConfiguration(int offset, int length)
    {
        var payload = new byte[12 + length];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, (uint)offset);
        BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(4), (uint)length);
        Wire.Send(VhostUserWire.GetConfig, payload);
        return Wire.Receive(VhostUserWire.GetConfig)[12..];
    }

    /// <summary>Notifies the device as the driver would.</summary>
    public void Kick(int index) => _kicks[index].Raise();

    /// <summary>Waits for an interrupt and takes it.</summary>
    public bool WaitForCall(int index, int timeoutMilliseconds = TimeoutMilliseconds) =>
        TestInterop.WaitReadable(_calls[index].Descriptor, timeoutMilliseconds) && _calls[index].Lower();

    /// <summary>Waits until the device reports a broken ring.</summary>
    public bool WaitForError(int index, int timeoutMilliseconds = TimeoutMilliseconds) =>
        TestInterop.WaitReadable(_errors[index].Descriptor, timeoutMilliseconds) && _errors[index].Lower();

    /// <summary>Takes the next used entry, waiting for interrupts as a driver does.</summary>
    public (uint Id, uint Length) WaitForUsed(int index)
    {
        uint id, length;
        while (!Rings[index].TryGetUsed(out id, out length))
        {
            Assert.True(WaitForCall(index), "The device did not interrupt.");
        }

        return (id, length);
    }

    /// <summary>
    /// Returns once the back end has done whatever came before: it answers messages and notifications on one thread, and a turn
    /// it owes itself is done before the third answer.
    /// </summary>
    public void Settle()
    {
        for (var i = 0; i < 3; i++)
        {
            Wire.Ask(VhostUserWire.GetFeatures);
        }
    }

    /// <summary>Replaces the interrupt descriptors, as QEMU does several times around a start.</summary>
    public void RenewCalls()
    {
        var old = _calls;
        _calls = Signals(old.Length);
        for (var i = 0; i < _calls.Length; i++)
        {
            SendDescriptor(VhostUserWire.SetVringCall, i, _calls[i]);
        }

        Settle();
        foreach (var signal in old)
        {
            signal.Dispose();
        }
    }

    public void Dispose()
    {
        Wire.Dispose();
        Ram.Dispose();
        foreach (var signal in _kicks.Concat(_calls).Concat(_errors))
        {
            signal.Dispose();
        }
    }

    static EventSignal[] Signals(int count) => [.. Enumerable.Range(0, count).Select(_ => new EventSignal())];

    // QEMU 11 wants an acknowledgement of each of these.
    void SendDescriptor(uint request, int index, EventSignal signal)
    {
        Wire.SendU64(request, (ulong)index, needReply: true, signal.Descriptor);
        if ((ProtocolFeatures & 8) != 0)
        {
            Assert.Equal(0UL, Wire.ReceiveU64(request));
        }
    }
}
