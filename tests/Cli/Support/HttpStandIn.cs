using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Cli.Tests;

/// <summary>A small HTTP/1.1 server in place of a real service: on a Unix socket or on loopback, one request a connection.</summary>
sealed class HttpStandIn : IDisposable
{
    readonly Socket _listener;
    readonly Func<HttpStandInRequest, (int Status, string Type, byte[] Body)> _answer;
    readonly Task _loop;

    HttpStandIn(Socket listener, EndPoint endPoint, Func<HttpStandInRequest, (int, string, byte[])> answer)
    {
        _listener = listener;
        _answer = answer;
        _listener.Bind(endPoint);
        _listener.Listen();
        _loop = Task.Run(AcceptAsync);
    }

    /// <summary>The port on loopback.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>The requests answered so far.</summary>
    public List<HttpStandInRequest> Requests { get; } = [];

    public static HttpStandIn OnUnixSocket(string path, Func<HttpStandInRequest, (int, string, byte[])> answer) =>
        new(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint(path), answer);

    public static HttpStandIn OnLoopback(Func<HttpStandInRequest, (int, string, byte[])> answer) =>
        new(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp), new IPEndPoint(IPAddress.Loopback, 0), answer);

    public void Dispose()
    {
        _listener.Dispose();
        _loop.Wait(TimeSpan.FromSeconds(30));
    }

    async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                using var connection = await _listener.AcceptAsync();
                using var stream = new NetworkStream(connection);
                await ServeAsync(stream);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Closed.
        }
    }

    async Task ServeAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(one) > 0)
        {
            head.Append((char)one[0]);
        }

        string[] lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length == 0)
        {
            return;
        }

        var headers = lines.Skip(1).Select(line => line.Split(':', 2)).ToDictionary(pair => pair[0], pair => pair[1].Trim(), StringComparer.OrdinalIgnoreCase);
        var body = new byte[headers.TryGetValue("Content-Length", out var length) ? int.Parse(length, System.Globalization.CultureInfo.InvariantCulture) : 0];
        await stream.ReadExactlyAsync(body);
        var request = new HttpStandInRequest(lines[0].Split(' ')[0], lines[0].Split(' ')[1], headers, body);
        Requests.Add(request);
        var (status, type, content) = _answer(request);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status} {(HttpStatusCode)status}\r\nContent-Type: {type}\r\nContent-Length: {content.Length}\r\nConnection: close\r\n\r\n"));
        await stream.WriteAsync(content);
    }
}

/// <summary>What somebody asked for.</summary>
sealed record HttpStandInRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body);
