using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>
/// A back end under test as its users see it: a vhost-user socket for the guest, and Unix sockets in Firecracker's form for programs. It
/// can be anybody's.
/// </summary>
abstract class VsockRig : IDisposable
{
    readonly List<Socket> _sockets = [];
    VsockGuest? _guest;

    protected VsockRig() => Folder = Directory.CreateTempSubdirectory("vsock-");

    protected DirectoryInfo Folder { get; }

    public string VhostUserPath => Path.Combine(Folder.FullName, "vhost.sock");

    public string UnixPath => Path.Combine(Folder.FullName, "v");

    /// <summary>The guest, with its driver started.</summary>
    public VsockGuest Guest
    {
        get
        {
            if (_guest is null)
            {
                _guest = new VsockGuest(VhostUserPath).Start();
                OnGuestStarted();
            }

            return _guest;
        }
    }

    /// <summary>A guest whose driver is started by the case.</summary>
    public VsockGuest StoppedGuest(int receiveSize = 4096) => _guest ??= new VsockGuest(VhostUserPath, receiveSize);

    /// <summary>The front end goes away, and another comes.</summary>
    public VsockGuest ReplaceGuest()
    {
        DisposeGuest();
        for (var clock = Stopwatch.StartNew(); ; Thread.Sleep(20))
        {
            try
            {
                return Guest;
            }
            catch (SocketException) when (clock.Elapsed < TimeSpan.FromSeconds(5))
            {
                // Some back ends are not listening between two front ends.
            }
        }
    }

    /// <summary>A host program that listens for the guest.</summary>
    public Socket Listen(uint port, int backlog = 64)
    {
        var listener = Keep(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
        listener.Bind(new UnixDomainSocketEndPoint($"{UnixPath}_{port}"));
        listener.Listen(backlog);
        return listener;
    }

    /// <summary>Accepts a connection with time limits.</summary>
    public Socket Accept(Socket listener)
    {
        Assert.True(listener.Poll(VsockGuest.Patience, SelectMode.SelectRead), "Nobody connects.");
        return Limit(Keep(listener.Accept()));
    }

    /// <summary>A host program that dials the guest and says what is given.</summary>
    public Socket Dial(string text)
    {
        var socket = Limit(Keep(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)));
        socket.Connect(new UnixDomainSocketEndPoint(UnixPath));
        socket.Send(Encoding.ASCII.GetBytes(text));
        return socket;
    }

    /// <summary>A connection that the guest began: its end and the host program's.</summary>
    public (GuestConnection Guest, Socket Host) Connect(uint guestPort = 1000, uint hostPort = 5000, uint window = 256 * 1024)
    {
        using var listener = Listen(hostPort);
        var connection = GuestConnection.Open(Guest, guestPort, hostPort, window);
        return (connection, Accept(listener));
    }

    /// <summary>Waits until the back end holds no connection, as far as it lets know.</summary>
    public abstract void AwaitNoConnections();

    /// <summary>Whether the back end still serves everything: a new connection works both ways.</summary>
    public void AssertAlive(uint guestPort = 60_000)
    {
        var (guest, host) = Connect(guestPort, hostPort: 6000);
        guest.Send(GuestPacket.ReadWrite, payload: "alive?"u8.ToArray());
        Assert.Equal("alive?", ReadText(host, 6));
        host.Send("alive!"u8);
        Assert.Equal("alive!"u8, guest.Read(6));
        guest.Send(GuestPacket.Shutdown, GuestPacket.Both);
        Assert.Equal(GuestPacket.Reset, guest.Next().Operation);
        Assert.Equal(0, host.Receive(new byte[1]));
    }

    public static string ReadText(Socket socket, int count) => Encoding.ASCII.GetString(ReadExactly(socket, count));

    public static byte[] ReadExactly(Socket socket, int count)
    {
        var data = new byte[count];
        for (var read = 0; read < count;)
        {
            var more = socket.Receive(data.AsSpan(read));
            Assert.True(more > 0, $"The stream ends after {read} of {count} bytes.");
            read += more;
        }

        return data;
    }

    public static byte[] ReadToEnd(Socket socket)
    {
        using var data = new MemoryStream();
        var buffer = new byte[64 * 1024];
        for (int read; (read = socket.Receive(buffer)) > 0;)
        {
            data.Write(buffer, 0, read);
        }

        return data.ToArray();
    }

    /// <summary>Whether the socket ends without another byte; a reset is an end.</summary>
    public static bool IsEnded(Socket socket)
    {
        try
        {
            return socket.Receive(new byte[1]) == 0;
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.ConnectionReset)
        {
            return true;
        }
    }

    public static byte[] Random(int length, int seed)
    {
        var data = new byte[length];
        new Random(seed).NextBytes(data);
        return data;
    }

    public static void AssertWithin(double seconds, Stopwatch clock) => Assert.True(clock.Elapsed.TotalSeconds < seconds, $"It took {clock.Elapsed}.");

    public virtual void Dispose()
    {
        DisposeGuest();
        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }

        Folder.Delete(recursive: true);
    }

    /// <summary>A guest's driver runs, and there is no connection yet.</summary>
    protected virtual void OnGuestStarted()
    {
    }

    protected void DisposeGuest()
    {
        _guest?.Dispose();
        _guest = null;
    }

    static Socket Limit(Socket socket)
    {
        socket.ReceiveTimeout = socket.SendTimeout = (int)VsockGuest.Patience.TotalMilliseconds;
        return socket;
    }

    Socket Keep(Socket socket)
    {
        _sockets.Add(socket);
        return socket;
    }
}
