using System.Net.Http.Headers;
using System.Text.Json;

namespace NitroEnclaves.Cli.Proxying;

/// <summary>
/// The AWS region of this instance: <c>$AWS_REGION</c>, else what the instance metadata service says (IMDSv2), at
/// <c>$AWS_EC2_METADATA_SERVICE_ENDPOINT</c> where that is set, as for AWS's SDKs.
/// </summary>
static class InstanceRegion
{
    /// <summary>What stands for it in a server's name.</summary>
    public const string Placeholder = "{region}";

    const int LongestAnswer = 64 * 1024;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Asks.</summary>
    /// <exception cref="CommandFailure">Nobody says it, or what is said is no region.</exception>
    public static async Task<string> FindAsync(CancellationToken cancellationToken)
    {
        var given = Environment.GetEnvironmentVariable("AWS_REGION");
        var region = given is { Length: > 0 } ? given : await AskAsync(cancellationToken);
        return region.Length is > 0 and <= 64 && region.All(character => char.IsAsciiLetterOrDigit(character) || character == '-')
            ? region
            : throw Unknown("what was said is none");
    }

    static async Task<string> AskAsync(CancellationToken cancellationToken)
    {
        var endpoint = Environment.GetEnvironmentVariable("AWS_EC2_METADATA_SERVICE_ENDPOINT") is { Length: > 0 } other ? other : "http://169.254.169.254";
        try
        {
            // The service is on this machine's link: no proxy leads there.
            using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false })
            {
                BaseAddress = new Uri(endpoint),
                Timeout = s_patience,
                MaxResponseContentBufferSize = LongestAnswer,
            };
            using var tokenRequest = new HttpRequestMessage(HttpMethod.Put, "/latest/api/token");
            tokenRequest.Headers.Add("X-aws-ec2-metadata-token-ttl-seconds", "60");
            using var tokenResponse = (await http.SendAsync(tokenRequest, cancellationToken)).EnsureSuccessStatusCode();
            using var request = new HttpRequestMessage(HttpMethod.Get, "/latest/dynamic/instance-identity/document");
            request.Headers.Add("X-aws-ec2-metadata-token", await tokenResponse.Content.ReadAsStringAsync(cancellationToken));
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            using var response = (await http.SendAsync(request, cancellationToken)).EnsureSuccessStatusCode();
            using var document = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
            return document.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("region", out var region) && region.ValueKind == JsonValueKind.String
                ? region.GetString()!
                : throw Unknown("its document names none");
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException or UriFormatException or FormatException or InvalidOperationException or NotSupportedException
            || (exception is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw Unknown($"{endpoint} gave no answer: {exception.Message}");
        }
    }

    static CommandFailure Unknown(string why) =>
        new(19, $"The AWS region of this instance is not known: {why}. Set AWS_REGION, or write the region in place of {Placeholder}.");
}
