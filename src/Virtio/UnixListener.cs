using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

/// <summary>Binds listening Unix sockets, over the remains of processes that died.</summary>
public static class UnixListener
{
    /// <summary>Makes a non-blocking listening socket that only this user can connect to. Its file goes with it.</summary>
    /// <param name="path">At most 107 bytes. A socket that a dead process left there is replaced.</param>
    /// <param name="backlog">Connections that may wait to be accepted.</param>
    /// <exception cref="IOException">The path is too long, taken, or not writable.</exception>
    public static Socket Bind(string path, int backlog = 1)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            var endPoint = new UnixDomainSocketEndPoint(path);
            try
            {
                socket.Bind(endPoint);
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse && IsDead(endPoint, path))
            {
                File.Delete(path);
                socket.Bind(endPoint);
            }

            // Before listen(2): nobody can connect in between.
            if (Interop.Unistd.chmod(path, (uint)(UnixFileMode.UserRead | UnixFileMode.UserWrite)) != 0)
            {
                throw new IOException($"Cannot set the mode of {path}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
            }

            socket.Listen(backlog);
            return socket;
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException or UnauthorizedAccessException)
        {
            socket.Dispose();
            throw new IOException($"Cannot listen on {path}: {exception.Message}", exception);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // A socket file refuses once its listener is gone; so does a file that is no socket, and that is left alone.
    static bool IsDead(UnixDomainSocketEndPoint endPoint, string path)
    {
        if (Interop.Stat.statx(Interop.Stat.AT_FDCWD, path, 0, Interop.Stat.STATX_TYPE, out var status) != 0
            || (status.stx_mode & Interop.Stat.S_IFMT) != Interop.Stat.S_IFSOCK)
        {
            return false;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            probe.Connect(endPoint);
            return false;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode == SocketError.ConnectionRefused;
        }
    }
}
