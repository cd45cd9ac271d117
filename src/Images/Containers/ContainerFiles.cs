using System.Buffers;
using System.Security.Cryptography;

namespace NitroEnclaves.Images;

/// <summary>The files of a container image as it was saved: of a folder or of a tar archive, read only on demand.</summary>
sealed class ContainerFiles(RootFileSystem files) : IDisposable
{
    static readonly SearchValues<char> s_hexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>True where there is such a file.</summary>
    public bool Contains(string path) => files.FindTarget(path) is { Type: FileNodeType.RegularFile };

    /// <summary>A small file's bytes.</summary>
    /// <exception cref="RootFileSystemException">There is none, or it is too large.</exception>
    public byte[] Read(string path)
    {
        using var source = Open(path);
        if (source.Length > ContainerJson.MaxSize)
        {
            throw ContainerJson.Malformed($"'{path}' has {source.Length} bytes");
        }

        byte[] bytes = new byte[source.Length];
        source.ReadExactly(0, bytes);
        return bytes;
    }

    /// <summary>A file for reading at any place.</summary>
    /// <exception cref="RootFileSystemException">There is none.</exception>
    public ByteSource Open(string path) => files.FindTarget(path) is { Type: FileNodeType.RegularFile } node
        ? node.Content.OpenSource()
        : throw new RootFileSystemException(RootFileSystemError.MissingBlob, $"The container image lacks '{path}'.");

    /// <summary>Where a blob lies, from its digest.</summary>
    /// <exception cref="RootFileSystemException">The digest is not SHA-256 or SHA-512 in the usual form.</exception>
    public static string BlobPath(string digest)
    {
        int colon = digest.IndexOf(':', StringComparison.Ordinal);
        var (algorithm, hex) = colon < 0 ? ("", "") : (digest[..colon], digest[(colon + 1)..]);
        int length = algorithm switch { "sha256" => 64, "sha512" => 128, _ => 0 };
        return length > 0 && IsHex(hex, length)
            ? $"blobs/{algorithm}/{hex}"
            : throw ContainerJson.Malformed($"'{digest}' is not a SHA-256 or SHA-512 digest");
    }

    /// <summary>True for so many lower-case hexadecimal digits.</summary>
    public static bool IsHex(string text, int length) => text.Length == length && !text.AsSpan().ContainsAnyExcept(s_hexDigits);

    /// <summary>Checks that bytes are the ones a digest names.</summary>
    /// <exception cref="RootFileSystemException">They are not.</exception>
    public static void CheckDigest(ByteSource source, string digest, CancellationToken cancellationToken)
    {
        BlobPath(digest);
        bool sha256 = digest.StartsWith("sha256", StringComparison.Ordinal);
        using var hash = IncrementalHash.CreateHash(sha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA512);
        byte[] buffer = new byte[1 << 18];
        for (long offset = 0; offset < source.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int read = source.Read(offset, buffer);
            hash.AppendData(buffer, 0, read);
            offset += read;
        }

        string actual = Convert.ToHexStringLower(hash.GetHashAndReset());
        if (!digest.EndsWith(actual, StringComparison.Ordinal))
        {
            throw new RootFileSystemException(RootFileSystemError.DigestMismatch, $"What should be {digest} has the digest {actual}.");
        }
    }

    public void Dispose() => files.Dispose();
}
