namespace NitroEnclaves.Cli;

/// <summary>Attestation documents on disk.</summary>
static class DocumentFile
{
    // A document has at most 16 KiB; whoever hands in something else gets the verifier's answer, not our memory.
    const int MaximumLength = 64 * 1024;

    /// <summary>The file's bytes, up to more than any document has.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file is somebody else's.</exception>
    public static byte[] Read(string path)
    {
        using var stream = File.OpenRead(path);
        var buffer = new byte[MaximumLength];
        return buffer[..stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)];
    }
}
