using System.Net;
using System.Text;
using Amazon;
using Amazon.KeyManagementService;
using Amazon.Runtime;

namespace NitroEnclaves.Kms.Tests;

/// <summary>The real SDK over an HTTP handler that answers what a test says.</summary>
sealed class CannedKms(string answer) : HttpMessageHandler
{
    readonly List<(string Target, string Body)> _requests = [];

    public IReadOnlyList<(string Target, string Body)> Requests => _requests;

    /// <summary>A client of the SDK; without an address, for the endpoint of a region.</summary>
    public AmazonKeyManagementServiceClient Client(string? address = null)
    {
        var config = new AmazonKeyManagementServiceConfig { HttpClientFactory = new Factory(this), MaxErrorRetry = 0 };
        if (address is null)
        {
            config.RegionEndpoint = RegionEndpoint.EUCentral1;
        }
        else
        {
            config.ServiceURL = address;
        }

        return new AmazonKeyManagementServiceClient(new BasicAWSCredentials("AKIATEST", "secret"), config);
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        _requests.Add((request.Headers.GetValues("X-Amz-Target").Single(), await request.Content!.ReadAsStringAsync(cancellationToken)));
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(answer, Encoding.UTF8, "application/x-amz-json-1.1") };
    }

    sealed class Factory(HttpMessageHandler handler) : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig) => new(handler, disposeHandler: false);
    }
}
