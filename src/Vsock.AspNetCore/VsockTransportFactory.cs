using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace NitroEnclaves.Vsock.AspNetCore;

/// <summary>Binds Kestrel's listeners whose end point is a <see cref="VsockEndPoint"/>; others are left to the other transports.</summary>
sealed class VsockTransportFactory(ILoggerFactory loggers, IOptions<VsockTransportOptions> options)
    : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is VsockEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (endpoint is not VsockEndPoint local)
        {
            throw new NotSupportedException($"{endpoint} is not a vsock address.");
        }

        try
        {
            var listener = VsockListener.Listen(local, options.Value.Vsock);
            return ValueTask.FromResult<IConnectionListener>(new VsockTransportListener(listener, loggers.CreateLogger<VsockTransportListener>()));
        }
        catch (VsockException exception) when (exception.Error is VsockError.AddressInUse)
        {
            throw new AddressInUseException(exception.Message, exception);
        }
    }
}
