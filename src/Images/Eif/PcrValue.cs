using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;

namespace NitroEnclaves.Images;

/// <summary>The 48 bytes a platform configuration register holds: a SHA-384 value.</summary>
/// <remarks>
/// An image's registers (0, 1, 2, 8) are SHA-384(48 zero bytes || SHA-384(content)); registers 3 and 4 take the raw string
/// in place of a digest: SHA-384(48 zero bytes || string).
/// </remarks>
public readonly struct PcrValue : IEquatable<PcrValue>
{
    /// <summary>Bytes of a register.</summary>
    public const int Size = SHA384.HashSizeInBytes;

    readonly Bytes48 _bytes;

    /// <summary>Takes a register's value.</summary>
    /// <param name="bytes">Exactly 48 bytes.</param>
    /// <exception cref="ArgumentException">There are more or fewer.</exception>
    public PcrValue(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
        {
            throw new ArgumentException($"A register holds {Size} bytes, not {bytes.Length}.", nameof(bytes));
        }

        bytes.CopyTo(_bytes);
    }

    /// <summary>The register's bytes.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>True for the value of a register nothing was put into (and of PCR0-2 and 8 in debug mode).</summary>
    public bool IsZero => !Bytes.ContainsAnyExcept((byte)0);

    /// <summary>The register after a measurement of content with this SHA-384 digest (PCR0, 1, 2 and 8).</summary>
    /// <param name="digest">Exactly 48 bytes.</param>
    public static PcrValue FromDigest(ReadOnlySpan<byte> digest)
    {
        if (digest.Length != Size)
        {
            throw new ArgumentException($"A SHA-384 digest has {Size} bytes, not {digest.Length}.", nameof(digest));
        }

        return Extend(digest);
    }

    /// <summary>The register after a measurement of a stream's content to its end, as <c>pcr --input</c> prints it.</summary>
    /// <param name="content">Read from where it stands.</param>
    public static PcrValue FromContent(Stream content)
    {
        ArgumentNullException.ThrowIfNull(content);
        Span<byte> digest = stackalloc byte[Size];
        SHA384.HashData(content, digest);
        return Extend(digest);
    }

    /// <summary>The register after a measurement of these bytes.</summary>
    public static PcrValue FromContent(ReadOnlySpan<byte> content)
    {
        Span<byte> digest = stackalloc byte[Size];
        SHA384.HashData(content, digest);
        return Extend(digest);
    }

    /// <summary>PCR3 of an enclave whose parent runs with this IAM role.</summary>
    /// <param name="roleArn">For example <c>arn:aws:iam::123456789012:role/name</c>.</param>
    public static PcrValue FromRoleArn(string roleArn) => FromString(roleArn);

    /// <summary>PCR4 of an enclave on this instance.</summary>
    /// <param name="instanceId">For example <c>i-0123456789abcdef0</c>.</param>
    public static PcrValue FromInstanceId(string instanceId) => FromString(instanceId);

    /// <summary>PCR8 of an image signed with this certificate.</summary>
    /// <param name="certificate">The certificate's DER encoding.</param>
    public static PcrValue FromCertificate(ReadOnlySpan<byte> certificate) => FromContent(certificate);

    /// <summary>
    /// PCR8 of an image signed with the first certificate of this PEM file, as <c>pcr --signing-certificate</c> prints it.
    /// </summary>
    /// <param name="pem">The PEM file.</param>
    /// <exception cref="EifSigningException">There is no readable certificate in the file.</exception>
    public static PcrValue FromCertificatePem(ReadOnlySpan<byte> pem)
    {
        using var certificate = EifSigner.OpenCertificate(pem);
        return FromCertificate(certificate.RawData);
    }

    /// <summary>Reads 96 hexadecimal digits.</summary>
    /// <exception cref="FormatException">The text is anything else.</exception>
    public static PcrValue Parse(ReadOnlySpan<char> hex) =>
        TryParse(hex, out var value) ? value : throw new FormatException($"A register is written as {2 * Size} hexadecimal digits.");

    /// <summary>Reads 96 hexadecimal digits; false where the text is anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> hex, out PcrValue value)
    {
        Span<byte> bytes = stackalloc byte[Size];
        bool parsed = hex.Length == 2 * Size && Convert.FromHexString(hex, bytes, out _, out _) == System.Buffers.OperationStatus.Done;
        value = parsed ? new PcrValue(bytes) : default;
        return parsed;
    }

    /// <summary>The register's bytes in a new array.</summary>
    public byte[] ToArray() => Bytes.ToArray();

    /// <summary>The register in lower-case hexadecimal.</summary>
    public override string ToString() => Convert.ToHexStringLower(Bytes);

    /// <inheritdoc/>
    public bool Equals(PcrValue other) => Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is PcrValue other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    /// <summary>Compares by content.</summary>
    public static bool operator ==(PcrValue left, PcrValue right) => left.Equals(right);

    /// <summary>Compares by content.</summary>
    public static bool operator !=(PcrValue left, PcrValue right) => !left.Equals(right);

    static PcrValue FromString(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        return Extend(Encoding.UTF8.GetBytes(text));
    }

    static PcrValue Extend(ReadOnlySpan<byte> data)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA384);
        hash.AppendData(stackalloc byte[Size]);
        hash.AppendData(data);
        Span<byte> value = stackalloc byte[Size];
        hash.GetHashAndReset(value);
        return new PcrValue(value);
    }

    [InlineArray(Size)]
    struct Bytes48
    {
        byte _first;
    }
}
