using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace NitroEnclaves.Proxy.Benchmarks;

/// <summary>The measurements: a stream, and short connections one after the other and of many at once, in turns with each way.</summary>
sealed class ProxyBenchmark(string folder, string nitro, string socat) : IDisposable
{
    const long StreamLength = 512L << 20;
    const int Connections = 500;
    const int AtOnce = 32;
    const int Rounds = 3;

    readonly TcpListener _server = new(IPAddress.Loopback, 0);

    int Port => ((IPEndPoint)_server.LocalEndpoint).Port;

    string ProxySocket => Path.Combine(folder, "parent.vsock_8000");

    string SocatSocket => Path.Combine(folder, "socat");

    public void Dispose() => _server.Dispose();

    /// <summary>Measures and prints.</summary>
    public async Task RunAsync()
    {
        _server.Start(backlog: 512);
        _ = ServeAsync();
        var list = Path.Combine(folder, "list.yaml");
        await File.WriteAllTextAsync(list, $"allowlist:\n- {{address: 127.0.0.1, port: {Port}}}\n");
        using var proxy = Start(nitro, "vsock-proxy", "--config", list, "8000", "127.0.0.1", $"{Port}");
        using var peer = Start(socat, "-b", "65536", $"UNIX-LISTEN:{SocatSocket},fork,backlog=512", $"TCP:127.0.0.1:{Port},nodelay");
        try
        {
            var direct = new IPEndPoint(IPAddress.Loopback, Port);
            (string Name, EndPoint Way)[] ways = [("no proxy", direct), ("nitro vsock-proxy", new UnixDomainSocketEndPoint(ProxySocket)), ("socat", new UnixDomainSocketEndPoint(SocatSocket))];
            foreach (var (_, way) in ways)
            {
                await WarmUpAsync(way);
            }

            await MeasureAsync("stream, MB/s", ways, async way => StreamLength / 1e6 / await StreamAsync(way));
            await MeasureAsync("connections one by one, /s", ways, async way => Connections / await ConnectAsync(way, 1));
            await MeasureAsync($"connections, {AtOnce} at once, /s", ways, async way => Connections / await ConnectAsync(way, AtOnce));
            proxy.Refresh();
            Console.WriteLine($"resident memory of nitro vsock-proxy: {proxy.WorkingSet64 >> 20} MiB");
        }
        finally
        {
            proxy.Kill();
            peer.Kill();
        }
    }

    // In turns, so that a busy machine is busy for all of them; the best round counts.
    static async Task MeasureAsync(string what, (string Name, EndPoint Way)[] ways, Func<EndPoint, Task<double>> measure)
    {
        var best = new double[ways.Length];
        for (var round = 0; round < Rounds; round++)
        {
            for (var index = 0; index < ways.Length; index++)
            {
                best[index] = Math.Max(best[index], await measure(ways[index].Way));
            }
        }

        Console.WriteLine($"{what}: {string.Join(", ", ways.Select((way, index) => $"{way.Name} {best[index]:0}"))}; nitro / socat = {best[1] / best[2]:0.00}");
    }

    static async Task<double> StreamAsync(EndPoint way)
    {
        using var socket = await DialAsync(way);
        var begin = Stopwatch.GetTimestamp();
        var chunk = new byte[64 << 10];
        for (var sent = 0L; sent < StreamLength; sent += chunk.Length)
        {
            await socket.SendAsync(chunk);
        }

        socket.Shutdown(SocketShutdown.Send);
        // The server closes when it has read all.
        await socket.ReceiveAsync(chunk);
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    static async Task<double> ConnectAsync(EndPoint way, int atOnce)
    {
        var begin = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(0, Connections), new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (_, _) =>
        {
            using var socket = await DialAsync(way);
            await socket.SendAsync(new byte[1]);
            socket.Shutdown(SocketShutdown.Send);
            await socket.ReceiveAsync(new byte[1]);
        });
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    async Task ServeAsync()
    {
        while (true)
        {
            _ = TakeAsync(await _server.AcceptSocketAsync());
        }
    }

    static async Task TakeAsync(Socket socket)
    {
        using (socket)
        {
            var buffer = new byte[256 << 10];
            while (await socket.ReceiveAsync(buffer) > 0)
            {
            }
        }
    }

    static async Task<Socket> DialAsync(EndPoint way)
    {
        var socket = new Socket(way.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(way);
        return socket;
    }

    static async Task WarmUpAsync(EndPoint way)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                await ConnectAsync(way, AtOnce);
                return;
            }
            catch (SocketException) when (attempt < 600)
            {
                // The program is still starting.
                await Task.Delay(50);
            }
        }
    }

    Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true };
        start.Environment["NITRO_CLI_SOCKETS_PATH"] = folder;
        var process = Process.Start(start)!;
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        return process;
    }
}
