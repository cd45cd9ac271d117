using System.Diagnostics;
using System.Net.Sockets;
using NitroEnclaves.Virtio;
using NitroEnclaves.Virtio.Tests;

namespace NitroEnclaves.Vsock.Benchmarks;

/// <summary>
/// A guest with Linux's vsock driver, as a back end sees it: receive buffers go back at once, credit is announced when less than 64 KiB of
/// the window are left, and whoever waits sleeps until the device interrupts.
/// </summary>
sealed unsafe class PretendedGuest : IDisposable
{
    internal const uint Cid = 16;
    internal const int HeaderSize = 44;
    internal const uint Window = 256 * 1024;

    const int MaxPacket = 64 * 1024;
    const int SlotSize = 0x1_1000;
    const ulong ReceiveArea = GuestRam.HighBase;
    const ulong TransmitArea = GuestRam.HighBase + GuestRam.HighSize / 2;
    const int WaitMilliseconds = 5_000;

    readonly VhostUserFrontEnd _frontEnd;
    readonly DriverQueue _receive;
    readonly DriverQueue _transmit;
    readonly Stack<int> _freeSlots = new();
    readonly int _receiveSize;

    /// <summary>Connects to a back end and starts the driver.</summary>
    /// <param name="path">The back end's vhost-user socket.</param>
    /// <param name="size">Entries of each queue: 128 as over PCI, 1024 as over MMIO.</param>
    /// <param name="receiveSize">Bytes of a receive buffer, header included.</param>
    internal PretendedGuest(string path, int size, int receiveSize)
    {
        _frontEnd = Connect(path);
        _receiveSize = receiveSize;
        var count = (int)Math.Min((ulong)size, GuestRam.HighSize / 2 / (ulong)receiveSize);
        DriverQueue? receive = null, transmit = null;
        _frontEnd.Start(VirtioFeatures.EventIndex | VirtioFeatures.Version1, size, rings =>
        {
            receive = new DriverQueue(_frontEnd.Ram, rings[0], () => _frontEnd.Kick(0));
            transmit = new DriverQueue(_frontEnd.Ram, rings[1], () => _frontEnd.Kick(1));
            for (var i = 0; i < count; i++)
            {
                receive.Describe(i, ReceiveArea + (ulong)(i * receiveSize), receiveSize, DriverRing.Write);
                receive.Add((ushort)i);
            }

            receive.Publish();
        });
        _receive = receive!;
        _transmit = transmit!;

        // A header and a payload for each: the shape that every back end takes.
        var slots = (int)Math.Min((ulong)size / 2, GuestRam.HighSize / 2 / SlotSize);
        for (var i = 0; i < slots; i++)
        {
            _transmit.Describe(2 * i, SlotAddress(i), HeaderSize);
            _transmit.Describe(2 * i + 1, SlotAddress(i) + 64, MaxPacket);
            _freeSlots.Push(i);
        }

        _receive.Arm();
    }

    /// <summary>The CID under which the back end knows its host.</summary>
    internal uint HostCid { get; init; } = 2;

    /// <summary>Whether a packet can be sent without waiting.</summary>
    internal bool HasSlot
    {
        get
        {
            Reclaim();
            return _freeSlots.Count > 0;
        }
    }

    /// <summary>Puts a packet on the ring; <see cref="Flush"/> shows it to the device.</summary>
    internal void Send(ushort operation, uint guestPort, uint hostPort, int length = 0, uint flags = 0, uint forwarded = 0)
    {
        while (!HasSlot)
        {
            Flush();
            Wait(1, _transmit, after: 1);
        }

        var slot = _freeSlots.Pop();
        var header = _frontEnd.Ram[SlotAddress(slot), HeaderSize];
        PacketHeader.Write(header, new PacketHeader
        {
            SourceCid = Cid, DestinationCid = HostCid, SourcePort = guestPort, DestinationPort = hostPort, Length = (uint)length,
            Operation = operation, Flags = flags, BufferSize = Window, Forwarded = forwarded,
        });
        _transmit.Describe(2 * slot, SlotAddress(slot), HeaderSize, length > 0 ? DriverRing.Next : (ushort)0, 2 * slot + 1);
        if (length > 0)
        {
            _transmit.SetLength(2 * slot + 1, length);
        }

        _transmit.Add((ushort)(2 * slot));
    }

    /// <summary>Shows the device what was sent.</summary>
    internal void Flush() => _transmit.Publish();

    /// <summary>Waits for slots to become free.</summary>
    internal void WaitForSlots() => Wait(1, _transmit, after: Math.Max(1, _transmit.Size / 8));

    /// <summary>The next packet's header, waiting for it up to a deadline.</summary>
    /// <returns>False when the deadline passes first.</returns>
    internal bool TryReceive(out PacketHeader header, long deadline = long.MaxValue)
    {
        while (!_receive.HasUsed)
        {
            _receive.Publish();
            if (_receive.Arm())
            {
                break;
            }

            var left = deadline == long.MaxValue ? WaitMilliseconds : (int)Math.Min(WaitMilliseconds, (deadline - Stopwatch.GetTimestamp()) * 1000 / Stopwatch.Frequency);
            if (left <= 0)
            {
                header = default;
                return false;
            }

            if (!_frontEnd.WaitForCall(0, left) && deadline == long.MaxValue && !_receive.HasUsed)
            {
                throw new TimeoutException("The back end sends nothing.");
            }
        }

        var (head, _) = _receive.TakeUsed();
        header = PacketHeader.Read(_frontEnd.Ram[ReceiveArea + (ulong)(head * _receiveSize), HeaderSize]);
        _receive.Add((ushort)head);
        if (!_receive.HasUsed)
        {
            _receive.Publish();
        }

        return true;
    }

    /// <summary>Whether a packet is there already.</summary>
    internal bool HasPacket => _receive.HasUsed;

    public void Dispose() => _frontEnd.Dispose();

    static ulong SlotAddress(int slot) => TransmitArea + (ulong)slot * SlotSize;

    // Some back ends do not listen between two front ends, or drop the one that comes too early.
    static VhostUserFrontEnd Connect(string path)
    {
        for (var clock = Stopwatch.StartNew(); ; Thread.Sleep(10))
        {
            VhostUserFrontEnd? frontEnd = null;
            try
            {
                frontEnd = new VhostUserFrontEnd(path, queues: 2);
                frontEnd.Realize(configurationLength: 8);
                return frontEnd;
            }
            catch (Exception exception) when (exception is SocketException or Xunit.Sdk.XunitException && clock.Elapsed < TimeSpan.FromSeconds(10))
            {
                frontEnd?.Dispose();
            }
        }
    }

    void Reclaim()
    {
        while (_transmit.HasUsed)
        {
            _freeSlots.Push(_transmit.TakeUsed().Head / 2);
        }
    }

    void Wait(int queue, DriverQueue ring, int after)
    {
        if (!ring.Arm(after) && !_frontEnd.WaitForCall(queue, WaitMilliseconds) && !ring.HasUsed)
        {
            throw new TimeoutException("The back end takes nothing.");
        }
    }
}
