using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace NitroEnclaves.Cli.Demo;

/// <summary>Asks the sample service: one JSON object a line, over the enclave's vsock.</summary>
/// <param name="vsockPath">The enclave's Unix socket, which takes <c>CONNECT &lt;port&gt;</c>.</param>
sealed class AttesterClient(string vsockPath) : IDisposable
{
    /// <summary>Where the service listens in the enclave.</summary>
    public const uint Port = 5000;

    const int MaximumAnswer = 64 * 1024;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    Socket? _socket;

    /// <summary>Asks for a greeting that an attestation document with our nonce vouches for.</summary>
    /// <exception cref="CommandFailure">The service did not answer as it should.</exception>
    public async Task<(string Greeting, byte[] Document)> GreetAsync(string name, byte[] nonce, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        try
        {
            var stream = await ConnectAsync(patience.Token);
            await stream.WriteAsync(Encoding.UTF8.GetBytes($$"""{"name":"{{name}}","nonce":"{{Convert.ToHexStringLower(nonce)}}"}""" + "\n"), patience.Token);
            using var answer = JsonDocument.Parse(await ReadLineAsync(stream, patience.Token));
            return answer.RootElement.TryGetProperty("error", out var error)
                ? throw new CommandFailure(0, $"The sample service refused: {error.GetString()}")
                : (answer.RootElement.GetProperty("greeting").GetString()!, answer.RootElement.GetProperty("document").GetBytesFromBase64());
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CommandFailure(0, $"The sample service did not answer on vsock port {Port} within {s_patience.TotalSeconds:0} s. See how it starts: run its image with --debug-mode --attach-console.");
        }
    }

    public void Dispose() => _socket?.Dispose();

    // The heartbeat says that the enclave's init is there; the service itself starts after it.
    async Task<NetworkStream> ConnectAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _socket?.Dispose();
            _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await _socket.ConnectAsync(new UnixDomainSocketEndPoint(vsockPath), cancellationToken);
            var stream = new NetworkStream(_socket);
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT {Port}\n"), cancellationToken);
            if ((await ReadLineAsync(stream, cancellationToken)).AsSpan().StartsWith("OK "u8))
            {
                return stream;
            }

            await Task.Delay(s_pause, cancellationToken);
        }
    }

    static async Task<byte[]> ReadLineAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var line = new MemoryStream();
        var one = new byte[4096];
        while (line.Length < MaximumAnswer)
        {
            int count;
            try
            {
                count = await stream.ReadAsync(one, cancellationToken);
            }
            catch (IOException)
            {
                count = 0;
            }

            if (count == 0)
            {
                break;
            }

            line.Write(one, 0, count);
            if (one[count - 1] == '\n')
            {
                break;
            }
        }

        return line.ToArray();
    }
}
