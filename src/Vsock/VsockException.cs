using System.Net.Sockets;

namespace NitroEnclaves.Vsock;

/// <summary>A vsock connection could not be made, or has failed; <see cref="Error"/> says how.</summary>
public sealed class VsockException : IOException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="error">The kind of failure.</param>
    /// <param name="message">One sentence for people.</param>
    /// <param name="innerException">What the operating system said, if anything.</param>
    public VsockException(VsockError error, string message, Exception? innerException = null)
        : base(message, innerException) =>
        Error = error;

    /// <summary>The kind of failure.</summary>
    public VsockError Error { get; }

    /// <summary>What a failed connection attempt means. A reset while connecting is how vsock says that nobody listens.</summary>
    internal static VsockException Connecting(VsockEndPoint endPoint, SocketException exception)
    {
        var error = exception.SocketErrorCode switch
        {
            SocketError.ConnectionReset or SocketError.ConnectionRefused or SocketError.ConnectionAborted => VsockError.ConnectionRefused,
            SocketError.TimedOut => VsockError.TimedOut,
            SocketError.NetworkUnreachable or SocketError.HostUnreachable or SocketError.NetworkDown or SocketError.HostDown
                or SocketError.AddressFamilyNotSupported or SocketError.AddressNotAvailable => VsockError.Unreachable,
            _ => VsockError.SocketFailed,
        };
        return new VsockException(error, $"No connection to {endPoint}: {exception.Message}.", exception);
    }

    /// <summary>What a failure to listen means.</summary>
    internal static VsockException Listening(VsockEndPoint endPoint, SocketException exception)
    {
        var error = exception.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse => VsockError.AddressInUse,
            SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported => VsockError.Unreachable,
            _ => VsockError.SocketFailed,
        };
        return new VsockException(error, $"No listener at {endPoint}: {exception.Message}.", exception);
    }

    /// <summary>What a failure of an established connection means.</summary>
    internal static VsockException Transferring(VsockEndPoint peer, SocketException exception)
    {
        var error = exception.SocketErrorCode switch
        {
            SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown => VsockError.ConnectionReset,
            SocketError.TimedOut => VsockError.TimedOut,
            _ => VsockError.SocketFailed,
        };
        return new VsockException(error, $"The connection to {peer} has failed: {exception.Message}.", exception);
    }
}
