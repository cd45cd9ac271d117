using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace NitroEnclaves.Vsock.AspNetCore;

/// <summary>Hands Kestrel the connections of one vsock listener, each on Kestrel's own socket transport.</summary>
sealed partial class VsockTransportListener : IConnectionListener
{
    // While the machine is out of descriptors, trying at once would only spin.
    static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);

    readonly VsockListener _listener;
    readonly SocketConnectionContextFactory _connections;
    readonly ILogger _logger;

    internal VsockTransportListener(VsockListener listener, ILogger logger)
    {
        _listener = listener;
        _logger = logger;
        _connections = new SocketConnectionContextFactory(new SocketConnectionFactoryOptions(), logger);
    }

    public EndPoint EndPoint => _listener.LocalEndPoint;

    /// <summary>The next connection, or null once the listener was unbound.</summary>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            try
            {
                var connection = await _listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
                return new VsockConnectionContext(_connections.Create(connection.Socket), connection);
            }
            catch (ObjectDisposedException)
            {
                return null;
            }
            catch (VsockException exception)
            {
                AcceptFailed(_logger, exception.Message);
                await Task.Delay(RetryDelay, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _listener.Dispose();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        _connections.Dispose();
        return ValueTask.CompletedTask;
    }

    [LoggerMessage(1, LogLevel.Warning, "{Reason} Trying again.", EventName = "AcceptFailed")]
    static partial void AcceptFailed(ILogger logger, string reason);
}
