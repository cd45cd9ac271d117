using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace NitroEnclaves.Images;

/// <summary>Requests to one repository of a registry: answers the registry's challenge once, and reads answers within bounds.</summary>
sealed class RegistrySession(HttpClient client, ContainerImageName name, RegistryCredential? credential)
{
    const int MaxTokenAnswer = 1 << 20;

    AuthenticationHeaderValue? _authorization;

    /// <summary>Asks for something of the repository; the caller disposes of the answer, whose content is not read yet.</summary>
    /// <param name="path">The path below the repository, for example "manifests/latest".</param>
    /// <param name="accept">The media types to ask for.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <exception cref="ContainerRegistryException">The registry does not give it.</exception>
    public async Task<HttpResponseMessage> GetAsync(string path, IEnumerable<string> accept, CancellationToken cancellationToken)
    {
        var uri = new Uri(name.Endpoint, $"v2/{name.Repository}/{path}");
        var response = await SendAsync(uri, accept, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.Unauthorized && _authorization is null)
        {
            using (response)
            {
                _authorization = await AnswerAsync(RegistryChallenge.Choose(response.Headers.WwwAuthenticate), cancellationToken)
                    .ConfigureAwait(false);
            }

            response = await SendAsync(uri, accept, cancellationToken).ConfigureAwait(false);
        }

        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw Refusal(response.StatusCode, path);
        }
    }

    /// <summary>A small answer as a whole.</summary>
    /// <exception cref="ContainerRegistryException">It is larger than the limit.</exception>
    public static async Task<byte[]> ReadAsync(HttpResponseMessage response, int limit, CancellationToken cancellationToken)
    {
        using var content = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[1 << 14];
        for (int read; (read = await content.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            if (bytes.Length + read > limit)
            {
                throw new ContainerRegistryException(ContainerRegistryError.MalformedAnswer, $"The registry's answer has more than {limit} bytes.");
            }

            bytes.Write(buffer, 0, read);
        }

        return bytes.ToArray();
    }

    async Task<HttpResponseMessage> SendAsync(Uri uri, IEnumerable<string> accept, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        request.Headers.Authorization = _authorization;
        foreach (string type in accept)
        {
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
        }

        return await SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw new ContainerRegistryException(ContainerRegistryError.Unreachable,
                $"The registry {request.RequestUri!.Authority} cannot be reached: {e.Message}", e);
        }
    }

    async Task<AuthenticationHeaderValue> AnswerAsync(RegistryChallenge? challenge, CancellationToken cancellationToken)
    {
        if (challenge is { Scheme: "BEARER" })
        {
            return new AuthenticationHeaderValue("Bearer", await FetchTokenAsync(challenge, cancellationToken).ConfigureAwait(false));
        }

        return challenge is not null && credential is { IsIdentityToken: false } ? Basic(credential) : throw Refusal(HttpStatusCode.Unauthorized, "");
    }

    async Task<string> FetchTokenAsync(RegistryChallenge challenge, CancellationToken cancellationToken)
    {
        string service = challenge.Parameters.GetValueOrDefault("service", "");
        string scope = challenge.Parameters.GetValueOrDefault("scope", $"repository:{name.Repository}:pull");
        if (!Uri.TryCreate(challenge.Parameters["realm"], UriKind.Absolute, out var realm) || !IsTrustworthy(realm))
        {
            throw new ContainerRegistryException(ContainerRegistryError.MalformedAnswer,
                "The registry sends for a token to an address that is not HTTPS.");
        }

        using var request = credential is { IsIdentityToken: true }
            ? new HttpRequestMessage(HttpMethod.Post, realm)
            {
                Content = new FormUrlEncodedContent([new("grant_type", "refresh_token"), new("service", service), new("scope", scope),
                    new("client_id", "nitro"), new("refresh_token", credential.Secret)]),
            }
            : new HttpRequestMessage(HttpMethod.Get, WithQuery(realm, service, scope));
        if (credential is { IsIdentityToken: false })
        {
            request.Headers.Authorization = Basic(credential);
        }

        using var response = await SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
        {
            throw Refusal(response.StatusCode, "");
        }

        byte[] json = await ReadAsync(response, MaxTokenAnswer, cancellationToken).ConfigureAwait(false);
        return RegistryJson.ReadToken(json);
    }

    // Credentials go nowhere in the clear, except to this machine itself.
    static bool IsTrustworthy(Uri realm) =>
        realm.Scheme == Uri.UriSchemeHttps || (realm.Scheme == Uri.UriSchemeHttp && ContainerImageName.IsLoopbackHost(realm.Host));

    static Uri WithQuery(Uri realm, string service, string scope) => new UriBuilder(realm)
    {
        Query = $"{realm.Query.TrimStart('?')}&service={Uri.EscapeDataString(service)}&scope={Uri.EscapeDataString(scope)}".TrimStart('&'),
    }.Uri;

    static AuthenticationHeaderValue Basic(RegistryCredential credential) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.UserName}:{credential.Secret}")));

    ContainerRegistryException Refusal(HttpStatusCode status, string path) => status switch
    {
        HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => new(ContainerRegistryError.Unauthorized, credential is null
            ? $"The registry {name.Registry} gives {name.Repository} to nobody without credentials, or has no such repository: log in first (docker login {name.Registry})."
            : $"The registry {name.Registry} does not give {name.Repository} to the user {credential}."),
        HttpStatusCode.NotFound => new(ContainerRegistryError.NotFound, $"The registry {name.Registry} has no {name.Repository}/{path}."),
        _ => new(ContainerRegistryError.Refused, $"The registry {name.Registry} answers {(int)status} to {name.Repository}/{path}."),
    };
}
