using System.Text;
using System.Text.Json;

namespace NitroEnclaves.Images;

/// <summary>The few members of a registry's JSON that fetching needs (OCI distribution and image specification).</summary>
static class RegistryJson
{
    const int MaxLayers = 1000;

    /// <summary>The token of an authorization server's answer.</summary>
    public static string ReadToken(byte[] json) => Read(json, root =>
    {
        string token = ContainerJson.Text(root, "token");
        token = token.Length > 0 ? token : ContainerJson.Text(root, "access_token");
        return token.Length > 0 && token.AsSpan().IndexOfAnyExceptInRange('!', '~') < 0
            ? token
            : throw ContainerJson.Malformed("the token server gave no token");
    });

    /// <summary>True for a list of manifests, false for a manifest.</summary>
    public static bool IsIndex(byte[] json) => Read(json, root => ContainerJson.Has(root, "manifests"));

    /// <summary>The digests of the manifests for Linux on an architecture, in order.</summary>
    public static List<string> FindManifests(byte[] json, string architecture) => Read(json, root => ContainerJson.Array(root, "manifests")
        .Where(descriptor => ContainerJson.Object(descriptor, "platform") is var platform
            && ContainerJson.Text(platform, "architecture") == architecture && ContainerJson.Text(platform, "os") is "linux")
        .Select(descriptor => ContainerJson.Text(descriptor, "digest")).ToList());

    /// <summary>The digests and sizes of what a manifest needs: configuration and layers.</summary>
    public static List<(string Digest, long Size)> ReadBlobs(byte[] json) => Read(json, root =>
    {
        var blobs = new List<(string, long)> { Descriptor(ContainerJson.Object(root, "config")) };
        blobs.AddRange(ContainerJson.Array(root, "layers").Select(Descriptor));
        return blobs.Count <= MaxLayers ? blobs : throw ContainerJson.Malformed($"it has more than {MaxLayers} layers");
    });

    /// <summary>The index of a layout with one manifest.</summary>
    public static byte[] WriteIndex(string digest, long size) => Encoding.UTF8.GetBytes(
        $$"""{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{{digest}}","size":{{size}}}]}""");

    static (string, long) Descriptor(JsonElement descriptor) =>
        (ContainerJson.Text(descriptor, "digest"), Math.Max(0, ContainerJson.Number(descriptor, "size")));

    static T Read<T>(byte[] json, Func<JsonElement, T> read)
    {
        using var document = ContainerJson.Parse(json, "manifest");
        return read(document.RootElement);
    }
}
