using System.Net.Sockets;
using System.Text.Json;
using NitroEnclaves.Attestation;
using NitroEnclaves.Vsock;
using static NitroEnclaves.Kms.Emulator.Tests.EmulatedKms;

namespace NitroEnclaves.Kms.Emulator.Tests;

/// <summary>The AWS JSON protocol as bytes: what is no request is refused in the protocol's words.</summary>
public sealed class ProtocolTests
{
    [Theory]
    [InlineData("TrentService.Frobnicate", "{}", "UnknownOperationException")]
    [InlineData("OtherService.Decrypt", "{}", "UnknownOperationException")]
    [InlineData(null, "{}", "UnknownOperationException")]
    [InlineData("TrentService.Decrypt", "", "SerializationException")]
    [InlineData("TrentService.Decrypt", "[]", "SerializationException")]
    [InlineData("TrentService.Decrypt", "{\"CiphertextBlob\":1}", "SerializationException")]
    [InlineData("TrentService.Decrypt", "{\"CiphertextBlob\":\"?\"}", "SerializationException")]
    [InlineData("TrentService.Decrypt", "{\"CiphertextBlob\":\"\"}", "ValidationException")]
    [InlineData("TrentService.Decrypt", "{\"CiphertextBlob\":\"AA==\",\"CiphertextBlob\":\"AA==\"}", "SerializationException")]
    [InlineData("TrentService.Decrypt", "{\"CiphertextBlob\":\"AA==\",\"EncryptionContext\":{\"a\":1}}", "SerializationException")]
    [InlineData("TrentService.Decrypt", "{\"CiphertextBlob\":\"AA==\",\"EncryptionContext\":[]}", "SerializationException")]
    [InlineData("TrentService.Decrypt", "{\"CiphertextBlob\":\"AA==\",\"KeyId\":\"\\ud800\"}", "SerializationException")]
    [InlineData("TrentService.Decrypt", "{\"CiphertextBlob\":\"AA==\",\"EncryptionContext\":{\"\\ud800\":\"\"}}", "SerializationException")]
    [InlineData("TrentService.Decrypt", "{\"CiphertextBlob\":\"AA==\",\"EncryptionContext\":{\"a\":\"\\udc00\"}}", "SerializationException")]
    [InlineData("TrentService.Decrypt", "{\"\\ud800\":1,\"CiphertextBlob\":\"AA==\"}", "SerializationException")]
    [InlineData("TrentService.CreateKey", "{\"Policy\":\"{\\\"\\\\ud800\\\":1}\"}", "MalformedPolicyDocumentException")]
    [InlineData("TrentService.CreateKey", "{\"Policy\":\"{\\\"Version\\\":\\\"\\\\ud800\\\"}\"}", "MalformedPolicyDocumentException")]
    [InlineData("TrentService.Decrypt", "{}", "ValidationException")]
    [InlineData("TrentService.GenerateRandom", "{}", "ValidationException")]
    [InlineData("TrentService.GenerateRandom", "{\"NumberOfBytes\":0}", "ValidationException")]
    [InlineData("TrentService.GenerateRandom", "{\"NumberOfBytes\":1025}", "ValidationException")]
    [InlineData("TrentService.GenerateRandom", "{\"NumberOfBytes\":1e99}", "SerializationException")]
    [InlineData("TrentService.GenerateRandom", "{\"NumberOfBytes\":1,\"Recipient\":{}}", "ValidationException")]
    [InlineData("TrentService.GenerateRandom", "{\"NumberOfBytes\":1,\"Recipient\":7}", "SerializationException")]
    [InlineData("TrentService.GenerateRandom", "{\"NumberOfBytes\":1,\"Recipient\":{\"KeyEncryptionAlgorithm\":\"RSAES_OAEP_SHA_1\",\"AttestationDocument\":\"AA==\"}}", "ValidationException")]
    [InlineData("TrentService.CreateKey", "{\"KeySpec\":\"HMAC_256\"}", "UnsupportedOperationException")]
    [InlineData("TrentService.CreateKey", "{\"KeyUsage\":\"SIGN_VERIFY\"}", "UnsupportedOperationException")]
    [InlineData("TrentService.CreateKey", "{\"Policy\":\"{}\"}", "MalformedPolicyDocumentException")]
    [InlineData("TrentService.DescribeKey", "{\"KeyId\":\"alias/none\"}", "NotFoundException")]
    public async Task What_is_no_request_is_refused_in_the_words_of_the_protocol(string? target, string body, string type)
    {
        await using var kms = await StartAsync();
        var (status, answer) = await kms.PostAsync(target, body);
        using var json = JsonDocument.Parse(answer);
        Assert.Equal((400, type), (status, json.RootElement.GetProperty("__type").GetString()));
        Assert.NotEmpty(json.RootElement.GetProperty("message").GetString()!);
    }

    [Theory]
    [InlineData(null, "MissingAuthenticationTokenException")]
    [InlineData("Bearer x", "IncompleteSignatureException")]
    public async Task A_request_that_is_not_signed_is_refused(string? authorization, string type)
    {
        await using var kms = await StartAsync();
        var (status, answer) = await kms.PostAsync("TrentService.ListKeys", "{}", authorization);
        Assert.Equal(400, status);
        Assert.Contains(type, answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_above_one_mebibyte_is_not_read()
    {
        await using var kms = await StartAsync();
        var (status, _) = await kms.PostAsync("TrentService.Decrypt", new string(' ', (1024 * 1024) + 1));
        Assert.Equal(413, status);
    }

    [Fact]
    public async Task It_listens_where_emulated_enclaves_reach_their_parent()
    {
        var folder = Directory.CreateTempSubdirectory("kms-vsock-").FullName;
        using var authority = AttestationAuthority.CreateEphemeral();
        await using (await KmsEmulator.StartAsync(
            new KmsEmulatorOptions
            {
                Roots = [authority.Root],
                HttpPort = null,
                VsockPort = 8000,
                Vsock = new VsockOptions { Resolvers = [new Parent(Path.Combine(folder, "parent.vsock"))] },
            },
            TestContext.Current.CancellationToken))
        {
            using var http = new HttpClient(new SocketsHttpHandler
            {
                ConnectCallback = async (_, token) =>
                {
                    var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(folder, "parent.vsock_8000")), token);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            });
            using var response = await http.GetAsync(new Uri("http://parent.vsock:8000/"), TestContext.Current.CancellationToken);
            Assert.Contains("emulator", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
        Directory.Delete(folder);
    }

    sealed class Parent(string path) : IVsockResolver
    {
        public VsockRoute? Resolve(uint cid) => null;

        public VsockRoute? ResolveListener() => VsockRoute.UnixSocket(path);
    }
}
