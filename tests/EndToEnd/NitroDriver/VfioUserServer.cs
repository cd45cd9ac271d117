using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NativeSocket = NitroEnclaves.Virtio.Interop.Socket;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// Serves <see cref="NitroPciDevice"/> to the vfio-user client of one QEMU (<c>-device vfio-user-pci</c>): its configuration space, its
/// registers, its two MSI-X vectors, and the guest's memory by the descriptors that QEMU sends.
/// </summary>
sealed unsafe class VfioUserServer : IDisposable
{
    // Unsafe because recvmsg(2) takes pointers to buffers, which outlive the call.

    const int EINVAL = 22;
    const int MaxDescriptors = 8;
    const int ConfigurationRegion = 7;
    const int RegionCount = 9;
    const int InterruptCount = 5;
    const int MsixInterrupt = 2;
    const uint DeviceFlags = 0x3; // It can be reset; it is a PCI device.
    const uint ReadAndWrite = 0x3;
    const uint SetTrigger = 0x20;
    const uint WithEventDescriptors = 0x4;
    const uint EventDescriptor = 0x1;

    readonly Socket _listener;
    readonly NitroPciDevice _device;
    readonly Thread _thread;
    readonly List<string> _faults = [];
    Socket? _client;

    VfioUserServer(Socket listener, NitroPciDevice device)
    {
        (_listener, _device) = (listener, device);
        _thread = new Thread(Serve) { IsBackground = true, Name = "vfio-user" };
    }

    /// <summary>What went wrong in serving, for the test's message.</summary>
    public IReadOnlyList<string> Faults => _faults;

    public static VfioUserServer Start(string path, NitroPciDevice device)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        var server = new VfioUserServer(listener, device);
        server._thread.Start();
        return server;
    }

    public void Dispose()
    {
        // Shutting down wakes the thread; closing alone need not.
        _client?.Shutdown(SocketShutdown.Both);
        _listener.Shutdown(SocketShutdown.Both);
        _listener.Dispose();
        _thread.Join();
        _client?.Dispose();
    }

    void Serve()
    {
        try
        {
            _client = _listener.Accept();
            while (Receive() is { } message)
            {
                var (payload, errno) = Handle(message);
                if (message.WantsReply)
                {
                    _client.Send(message.Answer(payload, errno));
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException or IOException or ObjectDisposedException)
        {
            _faults.Add(exception.ToString());
        }
    }

    VfioUserMessage? Receive()
    {
        var header = new byte[VfioUserMessage.HeaderSize];
        var descriptors = new List<SafeFileHandle>();
        for (var received = 0; received < header.Length;)
        {
            var count = ReceiveWithDescriptors(header.AsSpan(received), descriptors);
            if (count == 0)
            {
                return null;
            }

            received += count;
        }

        var payload = new byte[VfioUserMessage.PayloadSize(header)];
        for (var received = 0; received < payload.Length;)
        {
            var count = _client!.Receive(payload.AsSpan(received));
            if (count == 0)
            {
                return null;
            }

            received += count;
        }

        return VfioUserMessage.Parse(header, payload, descriptors);
    }

    int ReceiveWithDescriptors(Span<byte> destination, List<SafeFileHandle> descriptors)
    {
        var controlSize = NativeSocket.DescriptorSpace(MaxDescriptors);
        var control = stackalloc byte[controlSize];
        fixed (byte* start = destination)
        {
            var vector = new NativeSocket.iovec { iov_base = start, iov_len = (nuint)destination.Length };
            var header = new NativeSocket.msghdr { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = (nuint)controlSize };
            var count = (int)NativeSocket.recvmsg(_client!.SafeHandle, &header, NativeSocket.MSG_CMSG_CLOEXEC);
            if (count < 0)
            {
                throw new SocketException(Marshal.GetLastPInvokeError());
            }

            var message = (NativeSocket.cmsghdr*)control;
            if (header.msg_controllen >= (nuint)sizeof(NativeSocket.cmsghdr) && message->cmsg_type == NativeSocket.SCM_RIGHTS)
            {
                var numbers = new ReadOnlySpan<int>(message + 1, (int)(message->cmsg_len - (nuint)sizeof(NativeSocket.cmsghdr)) / sizeof(int));
                foreach (var number in numbers)
                {
                    descriptors.Add(new SafeFileHandle(number, ownsHandle: true));
                }
            }

            return count;
        }
    }

    (byte[] Payload, int Errno) Handle(VfioUserMessage message)
    {
        switch (message.Command)
        {
            case VfioUserCommand.Version:
                return ([0, 0, 0, 0, .. """{"capabilities":{"max_msg_fds":8,"max_data_xfer_size":1048576}}"""u8, 0], 0);
            case VfioUserCommand.DmaMap:
                // argsz, flags, offset, address, size.
                _device.Memory.Map(message.LongNumber(16), message.LongNumber(24), message.Descriptors is [var file, ..] ? file : null, message.LongNumber(8));
                return ([], 0);
            case VfioUserCommand.DmaUnmap:
                _device.Memory.Unmap(message.LongNumber(8), message.LongNumber(16));
                return (message.Payload, 0);
            case VfioUserCommand.DeviceGetInfo:
                return (Numbers(16, DeviceFlags, RegionCount, InterruptCount), 0);
            case VfioUserCommand.DeviceGetRegionInfo:
                return (RegionInfo((int)message.Number(8)), 0);
            case VfioUserCommand.DeviceGetIrqInfo:
                var index = message.Number(8);
                return (Numbers(16, EventDescriptor, index, index == MsixInterrupt ? NitroPciDevice.VectorCount : 0u), 0);
            case VfioUserCommand.DeviceSetIrqs:
                return ([], SetInterrupts(message));
            case VfioUserCommand.RegionRead:
                var read = new byte[16 + message.Number(12)];
                message.Payload.AsSpan(0, 16).CopyTo(read);
                _device.Read((int)message.Number(8), message.LongNumber(0), read.AsSpan(16));
                return (read, 0);
            case VfioUserCommand.RegionWrite:
                _device.Write((int)message.Number(8), message.LongNumber(0), message.Payload.AsSpan(16));
                return (message.Payload[..16], 0);
            case VfioUserCommand.DeviceReset:
                _device.Reset();
                return ([], 0);
            default:
                return ([], EINVAL);
        }
    }

    int SetInterrupts(VfioUserMessage message)
    {
        // argsz, flags, index, start, count; with no descriptor the vectors are taken back.
        var (flags, index, start, count) = (message.Number(4), message.Number(8), message.Number(12), message.Number(16));
        if (index != MsixInterrupt || (flags & SetTrigger) == 0)
        {
            return 0;
        }

        if ((flags & WithEventDescriptors) == 0)
        {
            (start, count) = (0, NitroPciDevice.VectorCount);
        }

        for (var vector = 0u; vector < count; vector++)
        {
            _device.SetVector((int)(start + vector), vector < message.Descriptors.Count ? message.Descriptors[(int)vector] : null);
        }

        return 0;
    }

    static byte[] RegionInfo(int region)
    {
        var size = region switch
        {
            NitroPciDevice.InterruptTableRegion or NitroPciDevice.RegisterRegion => NitroPciDevice.RegionSize,
            ConfigurationRegion => NitroPciDevice.ConfigurationSize,
            _ => 0,
        };
        var info = new byte[32];
        Numbers(32, size == 0 ? 0 : ReadAndWrite, (uint)region, 0).CopyTo(info.AsSpan());
        BinaryPrimitives.WriteUInt64LittleEndian(info.AsSpan(16), (ulong)size);
        return info;
    }

    static byte[] Numbers(params ReadOnlySpan<uint> numbers) => MemoryMarshal.AsBytes(numbers).ToArray();
}
