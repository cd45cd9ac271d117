using System.Buffers.Binary;
using System.Net.Sockets;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>
/// A guest and host programs of any conduct, around the vsock device. Input: steps of eight bytes each. The first byte chooses: a packet
/// (with operation, ports, flags, type and length from the others), its header from raw bytes, a host program's write, read, shutdown or
/// close, a connection from the host, or receive buffers of some size.
/// </summary>
sealed class VsockFuzzTarget : IFuzzTarget, IVirtqueueNotifier, IVsockBackend, IVsockConnectCompletion
{
    const int StepSize = 8;
    const int MaxSteps = 64;
    const int RingSize = 32;
    const uint Cid = 16;
    const ulong RingSpace = 0x1000;
    const ulong Buffers = 0x4000;
    const int BufferSize = 0x1000;
    const int MemorySize = 0x4000 + 2 * RingSize * BufferSize;

    readonly EventLoop _loop = EventLoop.Start("vsock");
    readonly GuestMemory _memory;
    readonly VsockVirtioDevice _device;
    readonly Virtqueue _receive = new(0, RingSize);
    readonly Virtqueue _transmit = new(1, RingSize);
    readonly Socket _listener = Listen(SocketType.Stream);
    readonly Socket _messageListener = Listen(SocketType.Seqpacket);
    readonly List<Socket> _programs = [];
    readonly Action _next;
    TaskCompletionSource _done = new();
    byte[] _steps = [];
    int _at;
    VsockCounters _before;
    ushort _receiveIndex;
    ushort _transmitIndex;

    public VsockFuzzTarget()
    {
        _next = Next;
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, options: FileOptions.DeleteOnClose);
        RandomAccess.SetLength(file, MemorySize);
        _memory = GuestMemory.Map([new GuestMemoryRegion(0, MemorySize, 0, 0, file)]);
        _device = new VsockVirtioDevice(_loop, Cid, this, new VsockDeviceOptions { BufferSize = 16 * 1024, BufferLimit = 64 * 1024, MaxConnections = 8 });
    }

    public string Name => "vsock";

    public IEnumerable<byte[]> Seeds
    {
        get
        {
            // A whole conversation: buffers, request, data, the host's answer, half-close, close; and one that the host begins.
            yield return [.. Step(7, 0, 8), .. Step(0, 1, 1), .. Step(0, 5, 1, length: 100), .. Step(2, 0, 50), .. Step(0, 4, 1, flags: 2), .. Step(4, 0, 1), .. Step(0, 4, 1, flags: 3)];
            yield return [.. Step(6, 1), .. Step(7, 0, 16), .. Step(0, 2, 1, hostPort: 2), .. Step(2, 0, 200), .. Step(0, 7, 1, hostPort: 2), .. Step(5, 0), .. Step(0, 3, 1, hostPort: 2)];
            yield return AsMessages([.. Step(7, 0, 8), .. Step(0, 1, 1), .. Step(0, 5, 1, length: 100), .. Step(0, 5, 1, flags: 1, length: 50), .. Step(2, 0, 50), .. Step(4, 0, 1), .. Step(0, 4, 1, flags: 3)]);
            yield return [.. Step(7, 1, 32), .. Step(0, 1, 1), .. Step(0, 1, 1), .. Step(0, 5, 2, length: 255), .. Step(1, 5), .. Step(0, 8, 1)];
        }
    }

    /// <summary>What the input made the device count.</summary>
    public int LastOutcome { get; private set; }

    public void Run(ReadOnlySpan<byte> input)
    {
        _steps = input[..Math.Min(input.Length / StepSize * StepSize, MaxSteps * StepSize)].ToArray();
        _at = 0;
        _done = new TaskCompletionSource();
        _loop.Invoke(Start);
        _loop.Post(_next);
        _done.Task.GetAwaiter().GetResult();
    }

    public void NotifyUsed()
    {
    }

    public void NotifyBroken() => throw new InvalidOperationException("A ring that behaves is called broken.");

    public VsockConnectResult Connect(in VsockConnectRequest request) =>
        request is { Cid: 2 or 3, Port: 1 } ? VsockConnectResult.Connected(NewProgram(request.KeepsMessages)) : VsockConnectResult.Refused;

    public void Connected(SafeDescriptor socket, uint hostPort)
    {
    }

    public void Failed(VsockConnectFailure failure)
    {
    }

    // Each step posts the next one, so that what the device posts to itself comes in between.
    void Next()
    {
        try
        {
            if (_at < _steps.Length)
            {
                Take(_steps.AsSpan(_at, StepSize));
                _at += StepSize;
                _loop.Post(_next);
            }
            else
            {
                End();
                _done.SetResult();
            }
        }
        catch (Exception exception)
        {
            _done.SetException(exception);
        }
    }

    void Start()
    {
        _before = _device.Statistics;
        _device.Negotiated(_device.Features);
        _receiveIndex = _transmitIndex = 0;
        Require(_memory.TryGetSpan(0, (int)Buffers, out var rings), "The memory is gone.");
        rings.Clear();
        foreach (var queue in new[] { _receive, _transmit })
        {
            var start = (ulong)queue.Index * RingSpace;
            queue.Start(_memory, new VirtqueueLayout(RingSize, start, start + 0x400, start + 0x800, RingAddressSpace.Guest), VirtioFeatures.Version1, 0, this);
            _device.QueueStarted(queue);
        }
    }

    void Take(ReadOnlySpan<byte> step)
    {
        var program = _programs.Count > 0 ? _programs[step[1] % _programs.Count] : null;
        var amount = (int)step[2];
        switch (step[0] % 8)
        {
            case 0:
                Send(step, raw: false);
                break;
            case 1:
                Send(step, raw: true);
                break;
            case 2:
                Try(() => program?.Send(new byte[16 * amount]));
                break;
            case 3:
                Try(() => program?.Receive(new byte[256 * amount]));
                break;
            case 4:
                Try(() => program?.Shutdown((SocketShutdown)(amount % 3)));
                break;
            case 5:
                program?.Dispose();
                break;
            case 6:
                _device.Connect(NewProgram(), step[1], this);
                break;
            default:
                AddReceiveBuffers(step[2] % (RingSize + 1), (step[1] & 1) == 0 ? BufferSize : 40 + step[3]);
                break;
        }
    }

    void Send(ReadOnlySpan<byte> step, bool raw)
    {
        var slot = Buffers + (ulong)((RingSize + _transmitIndex % RingSize) * BufferSize);
        Require(_memory.TryGetSpan(slot, BufferSize, out var packet), "The memory is gone.");
        packet.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(packet, Cid);
        BinaryPrimitives.WriteUInt64LittleEndian(packet[8..], 3);
        BinaryPrimitives.WriteUInt32LittleEndian(packet[16..], step[2]);
        BinaryPrimitives.WriteUInt32LittleEndian(packet[20..], (step[3] & 0x80) != 0 ? (1u << 30) + (step[3] & 7u) : 1);
        BinaryPrimitives.WriteUInt32LittleEndian(packet[24..], (uint)(step[5] * 16));
        BinaryPrimitives.WriteUInt16LittleEndian(packet[28..], (ushort)(step[6] switch { < 160 => 1, < 240 => 2, _ => step[6] }));
        BinaryPrimitives.WriteUInt16LittleEndian(packet[30..], step[1]);
        BinaryPrimitives.WriteUInt32LittleEndian(packet[32..], step[4]);
        BinaryPrimitives.WriteUInt32LittleEndian(packet[36..], (uint)step[7] << 10);
        if (raw)
        {
            // Anything at one place of the header.
            step[2..6].CopyTo(packet[(step[6] % 40)..]);
        }

        var length = (uint)(step[7] == 255 ? step[5] : 44 + step[5] * 16);
        Add(_transmit, ref _transmitIndex, slot, length, writable: false);
        while (_device.QueueNotified(_transmit))
        {
        }
    }

    void AddReceiveBuffers(int count, int size)
    {
        for (var i = 0; i < count; i++)
        {
            Add(_receive, ref _receiveIndex, Buffers + (ulong)(_receiveIndex % RingSize * BufferSize), (uint)size, writable: true);
        }

        _device.QueueNotified(_receive);
    }

    // A driver never has more in the ring than fits: what is not used yet keeps its place.
    void Add(Virtqueue queue, ref ushort index, ulong address, uint length, bool writable)
    {
        var start = (ulong)queue.Index * RingSpace;
        Require(_memory.TryGetSpan(start, (int)RingSpace, out var ring), "The memory is gone.");
        var used = BinaryPrimitives.ReadUInt16LittleEndian(ring[0x802..]);
        if ((ushort)(index - used) >= RingSize)
        {
            return;
        }

        var head = index % RingSize;
        BinaryPrimitives.WriteUInt64LittleEndian(ring[(head * 16)..], address);
        BinaryPrimitives.WriteUInt32LittleEndian(ring[(head * 16 + 8)..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(ring[(head * 16 + 12)..], (ushort)(writable ? 2 : 0));
        BinaryPrimitives.WriteUInt16LittleEndian(ring[(0x404 + head * 2)..], (ushort)head);
        BinaryPrimitives.WriteUInt16LittleEndian(ring[0x402..], ++index);
    }

    void End()
    {
        foreach (var queue in new[] { _receive, _transmit })
        {
            queue.Stop();
            _device.QueueStopped(queue);
        }

        _device.Reset();
        _receive.Reset();
        _transmit.Reset();
        _programs.ForEach(program => program.Dispose());
        _programs.Clear();
        var after = _device.Statistics;
        LastOutcome = HashCode.Combine(
            after.GuestConnects - _before.GuestConnects, after.GuestRefusals - _before.GuestRefusals, after.OrphanPackets - _before.OrphanPackets,
            after.MalformedPackets - _before.MalformedPackets, after.CreditViolations - _before.CreditViolations,
            after.BufferLimitResets - _before.BufferLimitResets, after.PacketsToGuest - _before.PacketsToGuest);
        Require(_device.ConnectionCount == 0, "A connection survives the guest.");
        Require(_device.BufferedBytes == 0, "Memory survives the guest.");
    }

    SafeDescriptor NewProgram(bool keepsMessages = false)
    {
        var listener = keepsMessages ? _messageListener : _listener;
        var theirs = new Socket(AddressFamily.Unix, listener.SocketType, ProtocolType.Unspecified);
        theirs.Connect(listener.LocalEndPoint!);
        var program = listener.Accept();
        program.Blocking = false;
        _programs.Add(program);
        var descriptor = new SafeDescriptor((int)theirs.SafeHandle.DangerousGetHandle());
        theirs.SafeHandle.SetHandleAsInvalid();
        return descriptor;
    }

    static Socket Listen(SocketType type)
    {
        var listener = new Socket(AddressFamily.Unix, type, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint("\0vsock-fuzz-" + Path.GetRandomFileName()));
        listener.Listen(16);
        return listener;
    }

    static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // A program may do what its socket no longer can.
        }
    }

    static byte[] Step(int kind, int second, int third = 0, int hostPort = 1, int flags = 0, int length = 0) =>
        [(byte)kind, (byte)second, (byte)third, hostPort == 1 ? (byte)0 : (byte)0x80, (byte)flags, (byte)(length / 16), 0, 64];

    static byte[] AsMessages(byte[] steps)
    {
        for (var i = 6; i < steps.Length; i += StepSize)
        {
            steps[i] = 160;
        }

        return steps;
    }

    static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new InvalidOperationException(otherwise);
        }
    }
}
