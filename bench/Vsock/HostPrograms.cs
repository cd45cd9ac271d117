using System.Net.Sockets;

namespace NitroEnclaves.Vsock.Benchmarks;

/// <summary>The programs on the host that the guest dials, one thread each; a port serves one connection after the other.</summary>
sealed class HostPrograms : IDisposable
{
    internal const uint Sink = 7001, Source = 7002, Echo = 7003, Hold = 7004, Closing = 7006;

    const int ChunkSize = 256 * 1024;

    readonly List<Socket> _listeners = [];
    readonly List<Socket> _held = [];
    readonly string _path;
    long _sunk;

    internal HostPrograms(string path)
    {
        _path = path;
        Serve(Sink, ReadAll);
        Serve(Source, WriteForEver);
        Serve(Echo, EchoAll);
        Serve(Closing, static _ => { });
        Serve(Hold, null);
    }

    /// <summary>Bytes that the sink has read.</summary>
    internal long Sunk => Volatile.Read(ref _sunk);

    /// <summary>Closes the connections that <see cref="Hold"/> keeps.</summary>
    internal void Release()
    {
        lock (_held)
        {
            _held.ForEach(socket => socket.Dispose());
            _held.Clear();
        }
    }

    public void Dispose()
    {
        _listeners.ForEach(listener => listener.Dispose());
        Release();
    }

    void Serve(uint port, Action<Socket>? work)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint($"{_path}_{port}"));
        listener.Listen(1024);
        _listeners.Add(listener);
        new Thread(() => Accept(listener, work)) { IsBackground = true, Name = $"port {port}" }.Start();
    }

    void Accept(Socket listener, Action<Socket>? work)
    {
        while (true)
        {
            try
            {
                var socket = listener.Accept();
                if (work is null)
                {
                    lock (_held)
                    {
                        _held.Add(socket);
                    }

                    continue;
                }

                using (socket)
                {
                    work(socket);
                }
            }
            catch (SocketException) when (listener.SafeHandle.IsClosed)
            {
                return;
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // The back end has closed this one.
            }
        }
    }

    void ReadAll(Socket socket)
    {
        var buffer = new byte[ChunkSize];
        for (int read; (read = socket.Receive(buffer)) > 0;)
        {
            Interlocked.Add(ref _sunk, read);
        }
    }

    static void WriteForEver(Socket socket)
    {
        var buffer = new byte[ChunkSize];
        while (true)
        {
            socket.Send(buffer);
        }
    }

    static void EchoAll(Socket socket)
    {
        var buffer = new byte[4096];
        for (int read; (read = socket.Receive(buffer)) > 0;)
        {
            socket.Send(buffer.AsSpan(0, read));
        }
    }
}
