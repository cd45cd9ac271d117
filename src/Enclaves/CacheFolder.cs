namespace NitroEnclaves.Enclaves;

/// <summary>The folder of things that can be fetched or found out again: <c>$XDG_CACHE_HOME/nitro-enclaves</c> (contracts, "Folders").</summary>
static class CacheFolder
{
    public static string Path => System.IO.Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
            ? cache
            : System.IO.Path.Combine(Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } home ? home : "/root", ".cache"),
        "nitro-enclaves");
}
