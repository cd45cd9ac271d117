namespace NitroEnclaves.Virtio.Tests;

/// <summary>A folder of its own for a test's sockets; gone afterwards.</summary>
sealed class TemporarySocket : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("virtio-");

    public string Path => System.IO.Path.Combine(_folder.FullName, "device.sock");

    public void Dispose() => _folder.Delete(recursive: true);
}
