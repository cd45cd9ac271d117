using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Attester;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Samples.Tests;

public sealed class GreetingServiceTests : IDisposable
{
    readonly QuotingSigner _signer = new();
    readonly NsmClient _nsm;

    public GreetingServiceTests() =>
        _nsm = new NsmClient(new NsmModule(new NsmModuleOptions { ModuleId = "i-0123456789abcdef0-enc0123456789abcdef", Signer = _signer }));

    public void Dispose() => _nsm.Dispose();

    [Fact]
    public async Task A_greeting_alone_needs_no_document()
    {
        Assert.Equal(["""{"greeting":"Hello, Ada."}""", """{"greeting":"Hello, stranger."}"""], await ExchangeAsync("{\"name\":\"Ada\"}\n{}\n"));
        Assert.Null(_signer.Last);
    }

    [Fact]
    public async Task A_document_carries_the_nonce_and_the_hash_of_the_greeting()
    {
        var reply = JsonDocument.Parse(Assert.Single(await ExchangeAsync("{\"name\":\"Ada\",\"nonce\":\"5ca1AB1e\"}\n"))).RootElement;
        Assert.Equal("Hello, Ada.", reply.GetProperty("greeting").GetString());
        Assert.Equal(QuotingSigner.Document, reply.GetProperty("document").GetBytesFromBase64());
        Assert.Equal([0x5C, 0xA1, 0xAB, 0x1E], _signer.Last!.Nonce!);
        Assert.Equal(SHA384.HashData("Hello, Ada."u8), _signer.Last.UserData!);
    }

    [Theory]
    [InlineData("nonsense", "JSON object")]
    [InlineData("[1]", "JSON object")]
    [InlineData("null", "is an object")]
    [InlineData("{\"nonce\":1}", "JSON object")]
    [InlineData("{\"nonce\":\"abc\"}", "hexadecimal")]
    [InlineData("{\"nonce\":\"zz\"}", "hexadecimal")]
    [InlineData("{\"other\":\"zz\"}", "JSON object")]
    [InlineData("{\"name\":\"a\",\"name\":\"b\"}", "JSON object")]
    [InlineData("", "JSON object")]
    public async Task A_bad_request_gets_its_error_and_the_next_one_its_answer(string request, string error)
    {
        var replies = await ExchangeAsync(request + "\n{}\n");
        Assert.Equal(2, replies.Length);
        Assert.Contains(error, JsonDocument.Parse(replies[0]).RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal("""{"greeting":"Hello, stranger."}""", replies[1]);
    }

    [Fact]
    public async Task Lengths_are_bounded()
    {
        var name = new string('n', 101);
        var nonce = new string('0', 2 * 513);
        var padding = new string(' ', 5000);
        var replies = await ExchangeAsync($"{{\"name\":\"{name}\"}}\n{{\"nonce\":\"{nonce}\"}}\n{{}}{padding}\n{{}}\n");
        Assert.Equal(
            ["a name has at most 100 characters", "a nonce is hexadecimal, at most 512 bytes", "a request has at most 4096 bytes"],
            replies[..3].Select(reply => JsonDocument.Parse(reply).RootElement.GetProperty("error").GetString()));
    }

    [Fact]
    public async Task A_line_without_an_end_ends_the_connection_before_it_fills_the_memory()
    {
        var input = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        var output = new MemoryStream();
        var serving = new GreetingService(_nsm).ServeAsync(new Duplex(input.Reader.AsStream(), output), TestContext.Current.CancellationToken);
        await input.Writer.WriteAsync(new byte[20_000], TestContext.Current.CancellationToken);
        // The client keeps its end open: the service has to end by itself.
        await serving.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Contains("at most 4096 bytes", Encoding.UTF8.GetString(output.ToArray()), StringComparison.Ordinal);
    }

    async Task<string[]> ExchangeAsync(string requests)
    {
        var output = new MemoryStream();
        await new GreetingService(_nsm).ServeAsync(
            new Duplex(new MemoryStream(Encoding.UTF8.GetBytes(requests)), output), TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Keeps what it was asked to sign.</summary>
    sealed class QuotingSigner : IDocumentSigner
    {
        public static byte[] Document { get; } = [0x84, 1, 2, 3];

        public AttestationDocumentContent? Last { get; private set; }

        public byte[] Sign(AttestationDocumentContent content)
        {
            Last = content;
            return Document;
        }
    }
}
