using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using NitroEnclaves.Nsm;

namespace Attester;

/// <summary>Answers requests, one JSON object a line, as many as the client sends over its connection.</summary>
/// <remarks>What comes in from outside the enclave is not trusted: every length is bounded before anything is kept.</remarks>
sealed class GreetingService(NsmClient nsm)
{
    const int MaxLineLength = 4096;
    const int MaxNameLength = 100;
    const int MaxNonceLength = 512;

    static GreetingResponse TooLong => new(Error: $"a request has at most {MaxLineLength} bytes");

    /// <summary>Serves a connection until the client ends it or sends a line that is too long.</summary>
    public async Task ServeAsync(Stream stream, CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        while (true)
        {
            var input = await reader.ReadAsync(cancellationToken);
            var buffer = input.Buffer;
            while (buffer.PositionOf((byte)'\n') is { } end)
            {
                await ReplyAsync(stream, await AnswerAsync(buffer.Slice(0, end), cancellationToken), cancellationToken);
                buffer = buffer.Slice(buffer.GetPosition(1, end));
            }

            if (input.IsCompleted)
            {
                return;
            }

            if (buffer.Length > MaxLineLength)
            {
                await ReplyAsync(stream, TooLong, cancellationToken);
                return;
            }

            reader.AdvanceTo(consumed: buffer.Start, examined: buffer.End);
        }
    }

    async Task<GreetingResponse> AnswerAsync(ReadOnlySequence<byte> line, CancellationToken cancellationToken)
    {
        if (line.Length > MaxLineLength)
        {
            return TooLong;
        }

        try
        {
            var json = new Utf8JsonReader(line);
            var request = JsonSerializer.Deserialize(ref json, MessageContext.Default.GreetingRequest);
            return request is null ? new GreetingResponse(Error: "a request is an object") : await AnswerAsync(request, cancellationToken);
        }
        catch (JsonException)
        {
            return new GreetingResponse(Error: "a request is a JSON object with name and nonce");
        }
        catch (NsmException exception)
        {
            return new GreetingResponse(Error: exception.Message);
        }
    }

    async Task<GreetingResponse> AnswerAsync(GreetingRequest request, CancellationToken cancellationToken)
    {
        if (request.Name is { Length: > MaxNameLength })
        {
            return new GreetingResponse(Error: $"a name has at most {MaxNameLength} characters");
        }

        var greeting = $"Hello, {request.Name ?? "stranger"}.";
        if (request.Nonce is null)
        {
            return new GreetingResponse(greeting);
        }

        var nonce = new byte[MaxNonceLength];
        if (Convert.FromHexString(request.Nonce, nonce, out _, out var length) != OperationStatus.Done)
        {
            return new GreetingResponse(Error: $"a nonce is hexadecimal, at most {MaxNonceLength} bytes");
        }

        var userData = SHA384.HashData(Encoding.UTF8.GetBytes(greeting));
        var document = await nsm.GetAttestationDocumentAsync(userData, nonce[..length], cancellationToken: cancellationToken);
        return new GreetingResponse(greeting, Convert.ToBase64String(document));
    }

    static async Task ReplyAsync(Stream stream, GreetingResponse response, CancellationToken cancellationToken)
    {
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(response, MessageContext.Default.GreetingResponse), (byte)'\n'];
        await stream.WriteAsync(line, cancellationToken);
    }
}
