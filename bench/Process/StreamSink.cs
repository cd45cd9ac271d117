using System.Net.Sockets;

namespace NitroEnclaves.Process.Benchmarks;

/// <summary>The parent's program: takes whatever is sent to a Unix socket, and answers a byte at the end.</summary>
sealed class StreamSink : IDisposable
{
    readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    readonly string _path;

    /// <summary>Listens at a path.</summary>
    public StreamSink(string path)
    {
        _path = path;
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(1024);
        new Thread(Serve) { IsBackground = true }.Start();
    }

    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(_path);
    }

    void Serve()
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (true)
            {
                using var connection = _listener.Accept();
                while (connection.Receive(buffer) > 0)
                {
                }

                connection.Send(buffer.AsSpan(0, 1), SocketFlags.None, out _);
            }
        }
        catch (SocketException)
        {
            // The listener was closed.
        }
    }
}
