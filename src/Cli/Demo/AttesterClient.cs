using System.Text;
using System.Text.Json;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Cli.Demo;

/// <summary>Asks the sample service of an enclave: one JSON object a line, over vsock.</summary>
/// <param name="registry">Where the enclave runs.</param>
/// <param name="cid">Its CID.</param>
sealed class AttesterClient(EnclaveRegistry registry, uint cid)
{
    /// <summary>Where the service listens in the enclave.</summary>
    public const uint Port = 5000;

    const int MaximumAnswer = 64 * 1024;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    readonly VsockConnector _connector = new(new VsockOptions { Resolvers = [new EnclaveVsockResolver(registry)] });

    /// <summary>Asks for a greeting that an attestation document with our nonce vouches for.</summary>
    /// <exception cref="CommandFailure">The service did not answer as it should.</exception>
    public async Task<(string Greeting, byte[] Document)> GreetAsync(string name, byte[] nonce, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        try
        {
            await using var connection = await ConnectAsync(patience.Token);
            var request = $$"""{"name":"{{name}}","nonce":"{{Convert.ToHexStringLower(nonce)}}"}""" + "\n";
            await connection.Stream.WriteAsync(Encoding.UTF8.GetBytes(request), patience.Token);
            using var answer = JsonDocument.Parse(await ReadLineAsync(connection.Stream, patience.Token));
            return answer.RootElement.TryGetProperty("error", out var error)
                ? throw new CommandFailure(0, $"The sample service refused: {error.GetString()}")
                : (answer.RootElement.GetProperty("greeting").GetString()!, answer.RootElement.GetProperty("document").GetBytesFromBase64());
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CommandFailure(
                0,
                $"The sample service did not answer on vsock port {Port} within {s_patience.TotalSeconds:0} s. " +
                "See how it starts: run its image with --debug-mode --attach-console.");
        }
    }

    // The heartbeat says that the enclave's init is there; the service itself starts after it, and until then its port is closed.
    async Task<VsockConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await _connector.ConnectAsync(cid, Port, cancellationToken);
            }
            catch (VsockException exception) when (exception.Error == VsockError.ConnectionRefused)
            {
                await Task.Delay(s_pause, cancellationToken);
            }
        }
    }

    static async Task<byte[]> ReadLineAsync(Stream stream, CancellationToken cancellationToken)
    {
        var line = new MemoryStream();
        var piece = new byte[4096];
        while (line.Length < MaximumAnswer)
        {
            var count = await stream.ReadAsync(piece, cancellationToken);
            line.Write(piece, 0, count);
            if (count == 0 || piece[count - 1] == '\n')
            {
                break;
            }
        }

        return line.ToArray();
    }
}
