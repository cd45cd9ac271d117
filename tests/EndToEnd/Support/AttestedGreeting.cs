using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>What the sample answered: its greeting, and the document that vouches for it.</summary>
sealed record AttestedGreeting(string Greeting, byte[] Document, byte[] Nonce)
{
    const uint Port = 5000;

    /// <summary>The policy that any document of this answer has to meet, besides what is expected of the image.</summary>
    public AttestationPolicy Bind(AttestationPolicy policy) => policy
        .WithNonce(Nonce)
        .WithUserData(SHA384.HashData(Encoding.UTF8.GetBytes(Greeting)))
        .WithMaximumAge(TimeSpan.FromMinutes(1));

    /// <summary>Asks the sample in an enclave, over vsock.</summary>
    public static async Task<AttestedGreeting> AskAsync(EnclaveHost host, EnclaveRunInfo enclave, string name)
    {
        var nonce = RandomNumberGenerator.GetBytes(32);
        await using var connection = await host.ConnectAsync(enclave, Port);
        await connection.Stream.WriteAsync(
            Encoding.UTF8.GetBytes($"{JsonSerializer.Serialize(new { name, nonce = Convert.ToHexStringLower(nonce) })}\n"),
            TestContext.Current.CancellationToken);
        using var reader = new StreamReader(connection.Stream);
        var line = await reader.ReadLineAsync(TestContext.Current.CancellationToken);
        Assert.NotNull(line);
        using var answer = JsonDocument.Parse(line);
        return new AttestedGreeting(
            answer.RootElement.GetProperty("greeting").GetString()!, answer.RootElement.GetProperty("document").GetBytesFromBase64(), nonce);
    }
}
