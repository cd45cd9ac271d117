using System.Net;
using System.Net.Http.Headers;

namespace NitroEnclaves.Images.Tests;

/// <summary>Fetching from a registry, each answer that it can give; docker-registry itself takes part in the command's tests.</summary>
public sealed class ContainerRegistryTests : IDisposable
{
    static readonly ContainerImageName s_name = ContainerImageName.Parse("registry.example.com/team/app:1");

    readonly TemporaryFolder _folder = new();
    readonly TemporaryFolder _layout = new();
    readonly Dictionary<string, byte[]> _content = [];
    readonly List<HttpRequestMessage> _requests = [];
    readonly List<string> _bodies = [];

    public ContainerRegistryTests()
    {
        new TestContainerImage().Layer(("etc/motd", "hello")).WriteOciLayout(_layout.Path);
        foreach (string blob in Directory.GetFiles(_layout["blobs/sha256"]))
        {
            string digest = "sha256:" + Path.GetFileName(blob);
            _content[$"/v2/team/app/blobs/{digest}"] = _content[$"/v2/team/app/manifests/{digest}"] = File.ReadAllBytes(blob);
        }

        // The layout's index.json names an index, which is what registries have under a tag of several architectures.
        using var index = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(_layout["index.json"]));
        string nested = index.RootElement.GetProperty("manifests")[0].GetProperty("digest").GetString()!;
        _content["/v2/team/app/manifests/1"] = _content[$"/v2/team/app/manifests/{nested}"];
    }

    public void Dispose()
    {
        _folder.Dispose();
        _layout.Dispose();
    }

    [Fact]
    public async Task Index_leads_to_the_architecture()
    {
        await FetchAsync(Serve);
        using var image = ContainerImage.Open(_folder.Path);

        Assert.Equal(["etc", "etc/motd"], image.RootFileSystem.Files.Select(file => file.Path));
        Assert.Equal(ContainerRegistryError.NotFound, (await RefusedAsync(Serve, architecture: EifArchitecture.Arm64)).Reason);
    }

    [Fact]
    public async Task Challenge_is_answered_with_a_token()
    {
        await FetchAsync(Guard("""Bearer realm="https://auth.example.com/token?a=b",service="registry",scope="repository:team/app:pull" """),
            new RegistryCredential("ali", "sesame"));

        var asked = Assert.Single(_requests, request => request.RequestUri!.Host == "auth.example.com");
        Assert.Equal("?a=b&service=registry&scope=repository%3Ateam%2Fapp%3Apull", asked.RequestUri!.Query);
        Assert.Equal("Basic " + Convert.ToBase64String("ali:sesame"u8), asked.Headers.Authorization!.ToString());
        Assert.Single(_requests, request => request.Headers.Authorization is null);
    }

    [Fact]
    public async Task Identity_token_is_exchanged()
    {
        await FetchAsync(Guard("""Bearer realm="https://auth.example.com/token",service="registry" """), new RegistryCredential("<token>", "refresh", IsIdentityToken: true));

        Assert.Contains(_bodies, body => body.Contains("grant_type=refresh_token", StringComparison.Ordinal) && body.EndsWith("refresh_token=refresh", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""Bearer realm="http://auth.example.com/token" """, ContainerRegistryError.MalformedAnswer)]
    [InlineData("""Bearer realm="nowhere" """, ContainerRegistryError.MalformedAnswer)]
    [InlineData("Negotiate", ContainerRegistryError.Unauthorized)]
    public async Task Challenge_that_would_give_the_password_away_is_not_answered(string challenge, ContainerRegistryError reason)
    {
        var error = await RefusedAsync(Guard(challenge), new RegistryCredential("ali", "sesame"));

        Assert.Equal(reason, error.Reason);
        Assert.All(_requests, request => Assert.Null(request.Headers.Authorization));
        Assert.DoesNotContain("sesame", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_registry_says_no_to()
    {
        Assert.Equal(ContainerRegistryError.Unauthorized, (await RefusedAsync(_ => new HttpResponseMessage(HttpStatusCode.Unauthorized))).Reason);
        Assert.Equal(ContainerRegistryError.NotFound, (await RefusedAsync(_ => new HttpResponseMessage(HttpStatusCode.NotFound))).Reason);
        Assert.Equal(ContainerRegistryError.Refused, (await RefusedAsync(_ => new HttpResponseMessage(HttpStatusCode.TooManyRequests))).Reason);
        Assert.Equal(ContainerRegistryError.Unreachable, (await RefusedAsync(_ => throw new HttpRequestException("No such host."))).Reason);
        Assert.Equal(ContainerRegistryError.MalformedAnswer, (await RefusedAsync(_ => Answer(new byte[(4 << 20) + 1]))).Reason);
    }

    [Fact]
    public async Task Blob_that_is_longer_than_the_manifest_says()
    {
        var error = await RefusedAsync(request => request.RequestUri!.AbsolutePath.Contains("/blobs/", StringComparison.Ordinal) ? Answer(new byte[1 << 20]) : Serve(request));

        Assert.Equal(ContainerRegistryError.MalformedAnswer, error.Reason);
    }

    [Fact]
    public async Task Blob_that_is_another_is_found_when_the_image_is_opened()
    {
        await FetchAsync(request => request.RequestUri!.AbsolutePath.Contains("/blobs/", StringComparison.Ordinal) ? Answer([0]) : Serve(request));

        Assert.Equal(RootFileSystemError.DigestMismatch, Assert.Throws<RootFileSystemException>(() => ContainerImage.Open(_folder.Path)).Reason);
    }

    [Theory]
    [InlineData("app", "docker.io/library/app:latest")]
    [InlineData("team/app:1.0", "docker.io/team/app:1.0")]
    [InlineData("localhost/app", "localhost/app:latest")]
    [InlineData("registry:5000/a/b", "registry:5000/a/b:latest")]
    [InlineData("[::1]:5000/a:x", "[::1]:5000/a:x")]
    [InlineData("example.com/a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "example.com/a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    public void Names(string text, string full) => Assert.Equal(full, ContainerImageName.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("App")]
    [InlineData("app:")]
    [InlineData("a//b")]
    [InlineData("https://example.com/app")]
    [InlineData("example.com/../app")]
    [InlineData("app@sha256:12")]
    public void Names_that_are_none(string text) =>
        Assert.Equal(ContainerRegistryError.InvalidName, Assert.Throws<ContainerRegistryException>(() => ContainerImageName.Parse(text)).Reason);

    async Task FetchAsync(Func<HttpRequestMessage, HttpResponseMessage> answer, RegistryCredential? credential = null, EifArchitecture architecture = EifArchitecture.X64)
    {
        using var client = new HttpClient(new Handler(this, answer));
        await new ContainerRegistry(client, (_, _) => Task.FromResult(credential)).FetchAsync(s_name, architecture, _folder.Path);
    }

    Task<ContainerRegistryException> RefusedAsync(
        Func<HttpRequestMessage, HttpResponseMessage> answer, RegistryCredential? credential = null, EifArchitecture architecture = EifArchitecture.X64) =>
        Assert.ThrowsAsync<ContainerRegistryException>(() => FetchAsync(answer, credential, architecture));

    HttpResponseMessage Serve(HttpRequestMessage request) =>
        _content.TryGetValue(request.RequestUri!.AbsolutePath, out byte[]? content) ? Answer(content) : new HttpResponseMessage(HttpStatusCode.NotFound);

    Func<HttpRequestMessage, HttpResponseMessage> Guard(string challenge) => request =>
    {
        if (request.RequestUri!.Host == "auth.example.com")
        {
            return Answer("""{"token":"ticket"}"""u8.ToArray());
        }

        if (request.Headers.Authorization?.ToString() == "Bearer ticket")
        {
            return Serve(request);
        }

        var refused = new HttpResponseMessage(HttpStatusCode.Unauthorized);
        refused.Headers.WwwAuthenticate.Add(AuthenticationHeaderValue.Parse(challenge));
        return refused;
    };

    static HttpResponseMessage Answer(byte[] content) => new(HttpStatusCode.OK) { Content = new ByteArrayContent(content) };

    sealed class Handler(ContainerRegistryTests test, Func<HttpRequestMessage, HttpResponseMessage> answer) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            test._requests.Add(request);
            test._bodies.Add(request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken));
            return answer(request);
        }
    }
}
