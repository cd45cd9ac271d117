namespace NitroEnclaves.Vsock;

/// <summary>
/// Makes connections by vsock address, to real and to emulated enclaves alike: the first resolver that knows the CID decides the way.
/// Safe for use from several threads; holds nothing that needs disposal.
/// </summary>
public sealed class VsockConnector
{
    readonly VsockOptions _options;

    /// <summary>Makes a connector.</summary>
    /// <param name="options">Resolvers and time-outs; null for <see cref="VsockOptions.Default"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A time-out is not above zero, or there is no resolver.</exception>
    public VsockConnector(VsockOptions? options = null) => _options = (options ?? VsockOptions.Default).Validated();

    /// <summary>The connector with default options: the kernel's vsock.</summary>
    public static VsockConnector Default { get; } = new();

    /// <summary>Connects to a port of a machine.</summary>
    /// <exception cref="VsockException">
    /// <see cref="VsockError.ConnectionRefused"/>: nobody listens there. <see cref="VsockError.Unreachable"/>: no way leads there.
    /// <see cref="VsockError.TimedOut"/>: no answer within <see cref="VsockOptions.ConnectTimeout"/>.
    /// <see cref="VsockError.HandshakeFailed"/>: what answered is not a vsock device.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<VsockConnection> ConnectAsync(uint cid, uint port, CancellationToken cancellationToken = default) =>
        ConnectAsync(new VsockEndPoint(cid, port), cancellationToken);

    /// <inheritdoc cref="ConnectAsync(uint, uint, CancellationToken)"/>
    public async ValueTask<VsockConnection> ConnectAsync(VsockEndPoint endPoint, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        cancellationToken.ThrowIfCancellationRequested();
        var route = Resolve(endPoint);

        using var limit = new OperationTimeout(_options.ConnectTimeout, _options.TimeProvider);
        var token = limit.Start(cancellationToken);
        try
        {
            var (socket, local) = await route.ConnectAsync(endPoint, token).ConfigureAwait(false);
            return new VsockConnection(socket, local, endPoint, _options, disposed: null);
        }
        catch (OperationCanceledException) when (limit.Expired(cancellationToken))
        {
            throw new VsockException(VsockError.TimedOut, $"No connection to {endPoint} within {_options.ConnectTimeout.TotalSeconds:0.#} s.");
        }
        finally
        {
            limit.Stop();
        }
    }

    VsockRoute Resolve(VsockEndPoint endPoint)
    {
        foreach (var resolver in _options.Resolvers)
        {
            if (resolver.Resolve(endPoint) is { } route)
            {
                return route;
            }
        }

        throw new VsockException(VsockError.Unreachable, $"No connection to {endPoint}: no machine with that CID is known here.");
    }
}
