using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Vsock;

/// <summary>
/// The way from an enclave to the internet: TCP connections through a proxy on the parent (<c>nitro vsock-proxy</c>) by HTTP's CONNECT
/// (RFC 9110, 9.3.6). The proxy sees names and sizes; TLS is between this program and the server, so that the parent reads and changes
/// nothing. Safe for use from several threads; holds nothing that needs disposal.
/// </summary>
/// <remarks>
/// The AWS SDK takes it by its <c>HttpClientFactory</c>: return <c>new HttpClient(proxy.CreateHandler())</c> there, and the SDK's own
/// TLS and signatures go through untouched.
/// </remarks>
public sealed class OutboundProxy
{
    /// <summary>The port at which <c>nitro vsock-proxy</c> listens unless told otherwise.</summary>
    public const uint DefaultPort = 8000;

    // A status line and some headers; nobody's proxy says more.
    const int MaxAnswer = 8 * 1024;

    readonly VsockEndPoint _proxy;
    readonly Func<CancellationToken, ValueTask<VsockConnection>> _dial;

    /// <summary>Names a proxy; nothing is connected yet.</summary>
    /// <param name="proxy">Where it listens; null for port <see cref="DefaultPort"/> of the parent.</param>
    /// <param name="connector">Makes the connections; null for the kernel's vsock with default time-outs.</param>
    public OutboundProxy(VsockEndPoint? proxy = null, VsockConnector? connector = null)
    {
        _proxy = proxy ?? new VsockEndPoint(VsockAddress.NitroParent, DefaultPort);
        connector ??= VsockConnector.Default;
        _dial = cancellationToken => connector.ConnectAsync(_proxy, cancellationToken);
    }

    /// <summary>A proxy to which connections are made in another way.</summary>
    internal OutboundProxy(Func<CancellationToken, ValueTask<VsockConnection>> dial)
        : this() => _dial = dial;

    /// <summary>
    /// A handler for <see cref="HttpClient"/> whose connections all go through the proxy; names are resolved there. HTTP/1.1, HTTP/2 and
    /// WebSockets work as they do over TCP.
    /// </summary>
    public SocketsHttpHandler CreateHandler() => new()
    {
        UseProxy = false,
        ConnectCallback = async (context, cancellationToken) =>
        {
            var connection = await ConnectAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, cancellationToken).ConfigureAwait(false);
            return connection.Stream;
        },
    };

    /// <summary>Connects to a TCP port of a server.</summary>
    /// <param name="host">A name, or an address; an IPv6 address without brackets.</param>
    /// <param name="port">1 to 65535.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">The host has characters that no host has.</exception>
    /// <exception cref="VsockException">
    /// <see cref="VsockError.ProxyRefused"/>: the proxy does not lead there; the message has its reason. <see cref="VsockError.Unreachable"/>:
    /// the proxy cannot reach the server. <see cref="VsockError.HandshakeFailed"/>: what answers is no such proxy. Else as from
    /// <see cref="VsockConnector.ConnectAsync(VsockEndPoint, CancellationToken)"/>, about the proxy.
    /// </exception>
    public async ValueTask<VsockConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);
        if (host.Any(character => !char.IsAsciiLetterOrDigit(character) && character is not ('.' or '-' or '_' or ':' or '%')))
        {
            throw new ArgumentException($"'{host}' is no host. Names with other letters go in their ASCII form.", nameof(host));
        }

        var target = string.Create(CultureInfo.InvariantCulture, $"{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{port}");
        var connection = await _dial(cancellationToken).ConfigureAwait(false);
        try
        {
            var request = Encoding.ASCII.GetBytes($"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
            await connection.Stream.WriteAsync(request, cancellationToken).ConfigureAwait(false);
            CheckAnswer(await ReadAnswerAsync(connection, cancellationToken).ConfigureAwait(false), target);
            return connection;
        }
        catch (SocketException exception)
        {
            connection.Dispose();
            throw VsockException.Transferring(_proxy, exception);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    // Up to the empty line and not a byte more: some servers speak first, and what they say is the caller's. A read of no bytes waits with
    // the stream's time-out; then the socket is looked at.
    async ValueTask<string> ReadAnswerAsync(VsockConnection connection, CancellationToken cancellationToken)
    {
        var answer = new byte[MaxAnswer];
        for (var length = 0; length < answer.Length;)
        {
            await connection.Stream.ReadAsync(Memory<byte>.Empty, cancellationToken).ConfigureAwait(false);
            var seen = await connection.Socket.ReceiveAsync(answer.AsMemory(length), SocketFlags.Peek, cancellationToken).ConfigureAwait(false);
            if (seen == 0)
            {
                throw new VsockException(VsockError.HandshakeFailed, $"The proxy at {_proxy} closed the connection within its answer.");
            }

            // The empty line may have begun in what was read before.
            var start = Math.Max(0, length - 3);
            var end = answer.AsSpan(start, length + seen - start).IndexOf("\r\n\r\n"u8);
            var take = end < 0 ? seen : start + end + 4 - length;
            await connection.Socket.ReceiveAsync(answer.AsMemory(length, take), SocketFlags.None, cancellationToken).ConfigureAwait(false);
            length += take;
            if (end >= 0)
            {
                return Encoding.Latin1.GetString(answer, 0, length);
            }
        }

        throw new VsockException(VsockError.HandshakeFailed, $"The proxy at {_proxy} answers with more than {MaxAnswer} bytes of headers.");
    }

    void CheckAnswer(string answer, string target)
    {
        var line = answer[..answer.IndexOf("\r\n", StringComparison.Ordinal)];
        if (!line.StartsWith("HTTP/1.", StringComparison.Ordinal) || line.Length < 12 || line[8] != ' '
            || !int.TryParse(line.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var status))
        {
            throw new VsockException(VsockError.HandshakeFailed, $"What answers at {_proxy} is no HTTP proxy.");
        }

        if (status / 100 == 2)
        {
            return;
        }

        // The proxy's words end up on the enclave's console: no control characters.
        var reason = new string([.. line[9..].Where(character => !char.IsControl(character))]);
        throw status is 502 or 503 or 504
            ? new VsockException(VsockError.Unreachable, $"The proxy at {_proxy} does not reach {target}: {reason}.")
            : new VsockException(VsockError.ProxyRefused, $"The proxy at {_proxy} refuses to connect to {target}: {reason}.");
    }
}
