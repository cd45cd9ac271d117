using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace NitroEnclaves.Vsock.AspNetCore;

/// <summary>
/// A connection of Kestrel's socket transport with its vsock addresses. Its end gives the place among the listener's connections free.
/// </summary>
sealed class VsockConnectionContext : ConnectionContext, IVsockConnectionFeature
{
    readonly ConnectionContext _socket;
    readonly VsockConnection _connection;

    internal VsockConnectionContext(ConnectionContext socket, VsockConnection connection)
    {
        _socket = socket;
        _connection = connection;

        // An emulated enclave comes over a Unix socket; the service is told the addresses that it would see on Nitro.
        _socket.LocalEndPoint = connection.LocalEndPoint;
        _socket.RemoteEndPoint = connection.RemoteEndPoint;
        _socket.Features.Set<IVsockConnectionFeature>(this);
    }

    VsockEndPoint IVsockConnectionFeature.LocalEndPoint => _connection.LocalEndPoint;

    VsockEndPoint IVsockConnectionFeature.RemoteEndPoint => _connection.RemoteEndPoint;

    public override string ConnectionId { get => _socket.ConnectionId; set => _socket.ConnectionId = value; }

    public override IFeatureCollection Features => _socket.Features;

    public override IDictionary<object, object?> Items { get => _socket.Items; set => _socket.Items = value; }

    public override IDuplexPipe Transport { get => _socket.Transport; set => _socket.Transport = value; }

    public override EndPoint? LocalEndPoint { get => _socket.LocalEndPoint; set => _socket.LocalEndPoint = value; }

    public override EndPoint? RemoteEndPoint { get => _socket.RemoteEndPoint; set => _socket.RemoteEndPoint = value; }

    public override CancellationToken ConnectionClosed { get => _socket.ConnectionClosed; set => _socket.ConnectionClosed = value; }

    public override void Abort() => _socket.Abort();

    public override void Abort(ConnectionAbortedException abortReason) => _socket.Abort(abortReason);

    public override async ValueTask DisposeAsync()
    {
        await _socket.DisposeAsync().ConfigureAwait(false);
        _connection.Dispose();
        await base.DisposeAsync().ConfigureAwait(false);
    }
}
