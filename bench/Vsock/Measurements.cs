using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Vsock.Benchmarks;

/// <summary>One window of each measurement, with a front end of its own.</summary>
/// <param name="queueSize">Entries of the guest's queues.</param>
/// <param name="window">How long a window lasts.</param>
sealed class Measurements(int queueSize, TimeSpan window)
{
    const int Linux = 4096;
    const int Large = 64 * 1024;
    const int HeldConnections = 9_900;
    uint _guestPort = 1024;

    /// <summary>Runs one window of everything that is measured in rounds.</summary>
    /// <param name="backend">The back end.</param>
    /// <param name="add">Takes each value by the name of its measure.</param>
    internal void Run(BackendProcess backend, Action<Measure, double> add)
    {
        GuestToHost(backend, Large, Measure.GuestToHost64, Measure.GuestToHost64Cpu, add);
        GuestToHost(backend, Linux, Measure.GuestToHost4, Measure.GuestToHost4Cpu, add);
        HostToGuest(backend, Linux, Measure.HostToGuest4, Measure.HostToGuest4Cpu, add);
        HostToGuest(backend, Large, Measure.HostToGuest64, Measure.HostToGuest64Cpu, add);
        RoundTrips(backend, add);
        Connects(backend, 1, Measure.Connects, add);
        Connects(backend, 32, Measure.Connects32, add);
        HostConnects(backend, add);
    }

    /// <summary>CPU of a back end to which nobody talks, as a share of a core.</summary>
    internal double Idle(BackendProcess backend)
    {
        using var guest = new PretendedGuest(backend.SocketPath, queueSize, Linux);
        Thread.Sleep(500);
        var before = backend.CpuSeconds;
        Thread.Sleep(window);
        return (backend.CpuSeconds - before) / window.TotalSeconds;
    }

    /// <summary>Memory with many connections, all idle.</summary>
    internal double Hold(BackendProcess backend)
    {
        using var guest = new PretendedGuest(backend.SocketPath, queueSize, Linux);
        var granted = 0;
        for (var asked = 0; granted < HeldConnections;)
        {
            while (asked < HeldConnections && asked - granted < 64)
            {
                guest.Send(PacketHeader.Request, _guestPort++, HostPrograms.Hold);
                asked++;
            }

            guest.Flush();
            guest.TryReceive(out var header);
            granted += header.Operation == PacketHeader.Response ? 1 : throw new InvalidOperationException($"Connection {granted} is answered with {header.Operation}.");
        }

        Thread.Sleep(200);
        var memory = backend.OwnMemory;
        backend.Programs.Release();
        return memory;
    }

    void GuestToHost(BackendProcess backend, int packet, Measure throughput, Measure cpu, Action<Measure, double> add)
    {
        using var guest = new PretendedGuest(backend.SocketPath, queueSize, Linux);
        var port = Open(guest, HostPrograms.Sink, out var answer);
        uint sent = 0;
        var meter = new Meter(backend, () => backend.Programs.Sunk, window);
        while (meter.IsRunning)
        {
            while (guest.HasPacket && guest.TryReceive(out var header))
            {
                answer = header;
            }

            var credit = answer.BufferSize - (sent - answer.Forwarded);
            if (credit == 0)
            {
                guest.Flush();
                if (guest.TryReceive(out var header, meter.End))
                {
                    answer = header;
                }
            }
            else if (!guest.HasSlot)
            {
                guest.Flush();
                guest.WaitForSlots();
            }
            else
            {
                var length = (int)Math.Min(credit, (uint)packet);
                guest.Send(PacketHeader.ReadWrite, port, HostPrograms.Sink, length);
                guest.Flush();
                sent += (uint)length;
            }
        }

        meter.Report(throughput, cpu, add);
    }

    void HostToGuest(BackendProcess backend, int buffer, Measure throughput, Measure cpu, Action<Measure, double> add)
    {
        using var guest = new PretendedGuest(backend.SocketPath, queueSize, buffer);
        var port = Open(guest, HostPrograms.Source, out _);
        long received = 0;
        var announced = 0L;
        var meter = new Meter(backend, () => received, window);
        while (meter.IsRunning)
        {
            if (!guest.TryReceive(out var header, meter.End))
            {
                break;
            }

            received += header.Operation == PacketHeader.ReadWrite ? header.Length : 0;
            if (PretendedGuest.Window - (received - announced) < 64 * 1024 || header.Operation == PacketHeader.CreditRequest)
            {
                guest.Send(PacketHeader.CreditUpdate, port, HostPrograms.Source, forwarded: (uint)received);
                guest.Flush();
                announced = received;
            }
        }

        meter.Report(throughput, cpu, add);
    }

    void RoundTrips(BackendProcess backend, Action<Measure, double> add)
    {
        using var guest = new PretendedGuest(backend.SocketPath, queueSize, Linux);
        var port = Open(guest, HostPrograms.Echo, out _);
        uint received = 0;
        var times = new List<double>(1 << 16);
        var end = Stopwatch.GetTimestamp() + (long)(window.TotalSeconds * Stopwatch.Frequency);
        double cpu = 0;
        for (var count = -2000; Stopwatch.GetTimestamp() < end || count < 1000; count++)
        {
            cpu = count == 0 ? backend.CpuSeconds : cpu;
            var start = Stopwatch.GetTimestamp();
            guest.Send(PacketHeader.ReadWrite, port, HostPrograms.Echo, 64, forwarded: received);
            guest.Flush();
            PacketHeader header;
            do
            {
                guest.TryReceive(out header);
            }
            while (header.Operation != PacketHeader.ReadWrite);
            received += header.Length;
            if (count >= 0)
            {
                times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }
        }

        add(Measure.RoundTripCpu, (backend.CpuSeconds - cpu) * 1e6 / times.Count);
        times.Sort();
        add(Measure.RoundTrip50, times[times.Count / 2]);
        add(Measure.RoundTrip99, times[times.Count * 99 / 100]);
    }

    void Connects(BackendProcess backend, int inFlight, Measure measure, Action<Measure, double> add)
    {
        using var guest = new PretendedGuest(backend.SocketPath, queueSize, Linux);
        var done = 0;
        var open = new HashSet<uint>();
        var meter = new Meter(backend, () => done, window);
        while (meter.IsRunning)
        {
            while (open.Count < inFlight)
            {
                open.Add(NextPort());
                guest.Send(PacketHeader.Request, _guestPort, HostPrograms.Closing);
            }

            guest.Flush();
            if (!guest.TryReceive(out var header, meter.End + Stopwatch.Frequency))
            {
                throw new TimeoutException("A connection hangs.");
            }

            if (header.Operation == PacketHeader.Response)
            {
                guest.Send(PacketHeader.Shutdown, header.DestinationPort, HostPrograms.Closing, flags: 3);
            }
            else if (header.Operation is PacketHeader.Reset or PacketHeader.Shutdown && open.Remove(header.DestinationPort))
            {
                // Both ends close at once, and whichever comes first is answered.
                done++;
                if (header.Operation == PacketHeader.Shutdown)
                {
                    guest.Send(PacketHeader.Reset, header.DestinationPort, HostPrograms.Closing);
                }
            }
        }

        add(measure, meter.PerSecond);
    }

    void HostConnects(BackendProcess backend, Action<Measure, double> add)
    {
        using var guest = new PretendedGuest(backend.SocketPath, queueSize, Linux);
        var (done, stop) = (0, false);
        var program = new Thread(() =>
        {
            var answer = new byte[64];
            while (!Volatile.Read(ref stop))
            {
                using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                socket.Connect(new UnixDomainSocketEndPoint(backend.UnixPath));
                socket.Send(Encoding.ASCII.GetBytes("CONNECT 9001\n"));
                if (socket.Receive(answer) > 0)
                {
                    done++;
                }
            }
        }) { IsBackground = true };
        var meter = new Meter(backend, () => Volatile.Read(ref done), window);
        program.Start();
        while (meter.IsRunning)
        {
            if (!guest.TryReceive(out var header, meter.End))
            {
                break;
            }

            var operation = header.Operation switch { PacketHeader.Request => PacketHeader.Response, PacketHeader.Shutdown => PacketHeader.Reset, _ => (ushort)0 };
            if (operation != 0)
            {
                guest.Send(operation, header.DestinationPort, header.SourcePort);
                guest.Flush();
            }
        }

        add(Measure.HostConnects, meter.PerSecond);
        Volatile.Write(ref stop, true);
        for (var end = Stopwatch.GetTimestamp() + Stopwatch.Frequency; program.IsAlive && guest.TryReceive(out var header, Math.Min(end, Stopwatch.GetTimestamp() + Stopwatch.Frequency / 20));)
        {
            if (header.Operation == PacketHeader.Request)
            {
                guest.Send(PacketHeader.Reset, header.DestinationPort, header.SourcePort);
                guest.Flush();
            }
        }

        program.Join(TimeSpan.FromSeconds(5));
    }

    uint Open(PretendedGuest guest, uint hostPort, out PacketHeader response)
    {
        var port = NextPort();
        guest.Send(PacketHeader.Request, port, hostPort);
        guest.Flush();
        guest.TryReceive(out response);
        return response.Operation == PacketHeader.Response ? port : throw new InvalidOperationException($"Port {hostPort} answers with {response.Operation}.");
    }

    uint NextPort() => _guestPort = _guestPort == 1 << 20 ? 1024 : _guestPort + 1;
}
