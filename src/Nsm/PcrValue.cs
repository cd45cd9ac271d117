using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace NitroEnclaves.Nsm;

/// <summary>
/// The 48 bytes (SHA-384) that a register holds. Values are immutable; <see cref="Extend"/> tells what a register will hold,
/// so that any value can be predicted outside an enclave.
/// </summary>
[InlineArray(Length)]
public struct PcrValue : IEquatable<PcrValue>
{
    /// <summary>The bytes of a value.</summary>
    public const int Length = SHA384.HashSizeInBytes;

    // Up to this much data is hashed in one call from the stack; it holds all that one ExtendPCR request can bring.
    const int OneShotLength = NsmLimits.MaxRequestLength;

    byte _first;

    /// <summary>Copies a value.</summary>
    /// <param name="value">Exactly <see cref="Length"/> bytes.</param>
    /// <exception cref="ArgumentException"><paramref name="value"/> has another length.</exception>
    public PcrValue(ReadOnlySpan<byte> value)
    {
        if (value.Length != Length)
        {
            throw new ArgumentException($"A register's value has {Length} bytes, not {value.Length}.", nameof(value));
        }

        value.CopyTo(this);
    }

    /// <summary>48 zero bytes: a register that nothing has extended. Registers 0, 1 and 2 hold it in debug mode.</summary>
    public static PcrValue Zero => default;

    /// <summary>The value's bytes.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Bytes => this;

    /// <summary>Whether all bytes are zero.</summary>
    public readonly bool IsZero => !Bytes.ContainsAnyExcept((byte)0);

    /// <summary>What a register holds that was extended once, from zero, by the SHA-384 of a content: PCR0, 1, 2 and 8.</summary>
    /// <param name="content">The measured bytes, for PCR8 the signing certificate's DER; any length.</param>
    public static PcrValue OfContent(ReadOnlySpan<byte> content)
    {
        Span<byte> digest = stackalloc byte[Length];
        SHA384.HashData(content, digest);
        return Zero.Extend(digest);
    }

    /// <summary>The same for a content that is read from a stream, from where it stands to its end.</summary>
    /// <param name="content">The measured bytes; any length.</param>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static PcrValue OfContent(Stream content)
    {
        ArgumentNullException.ThrowIfNull(content);
        Span<byte> digest = stackalloc byte[Length];
        SHA384.HashData(content, digest);
        return Zero.Extend(digest);
    }

    /// <summary>PCR3 of an enclave whose parent instance has an IAM role: extended from zero by the text itself.</summary>
    /// <param name="roleArn">The role's ARN, <c>arn:aws:iam::&lt;account&gt;:role/&lt;name&gt;</c>.</param>
    /// <exception cref="ArgumentException"><paramref name="roleArn"/> is empty: without a role PCR3 is <see cref="Zero"/>.</exception>
    public static PcrValue OfRole(string roleArn) => OfText(roleArn);

    /// <summary>PCR4 of an enclave: extended from zero by the parent instance's id as text.</summary>
    /// <param name="instanceId">The instance's id, <c>i-&lt;17 hex&gt;</c>.</param>
    /// <exception cref="ArgumentException"><paramref name="instanceId"/> is empty.</exception>
    public static PcrValue OfInstance(string instanceId) => OfText(instanceId);

    /// <summary>Reads a value from hexadecimal digits of either case.</summary>
    /// <param name="hex">96 digits.</param>
    /// <exception cref="FormatException"><paramref name="hex"/> is something else.</exception>
    public static PcrValue Parse(ReadOnlySpan<char> hex) =>
        TryParse(hex, out var value) ? value : throw new FormatException($"A register's value is {2 * Length} hexadecimal digits.");

    /// <summary>Reads a value from hexadecimal digits of either case.</summary>
    /// <param name="hex">96 digits.</param>
    /// <param name="value">The value, <see cref="Zero"/> where there is none.</param>
    /// <returns>Whether <paramref name="hex"/> is a value.</returns>
    public static bool TryParse(ReadOnlySpan<char> hex, out PcrValue value)
    {
        value = default;
        Span<byte> bytes = stackalloc byte[Length];
        if (hex.Length != 2 * Length
            || Convert.FromHexString(hex, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
        {
            return false;
        }

        value = new PcrValue(bytes);
        return true;
    }

    /// <summary>The value after an extension: the SHA-384 of this value followed by the data.</summary>
    /// <param name="data">The data, possibly empty. ExtendPCR can bring up to about 4,000 bytes; a prediction takes any length.</param>
    [SkipLocalsInit]
    public readonly PcrValue Extend(ReadOnlySpan<byte> data)
    {
        var extended = default(PcrValue);
        if (data.Length <= OneShotLength)
        {
            Span<byte> input = stackalloc byte[Length + OneShotLength];
            Bytes.CopyTo(input);
            data.CopyTo(input[Length..]);
            SHA384.HashData(input[..(Length + data.Length)], extended);
        }
        else
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA384);
            hash.AppendData(Bytes);
            hash.AppendData(data);
            hash.GetHashAndReset(extended);
        }

        return extended;
    }

    /// <summary>Whether both are the same bytes. Takes the same time wherever they differ.</summary>
    public static bool operator ==(PcrValue left, PcrValue right) => left.Equals(right);

    /// <summary>Whether the values differ.</summary>
    public static bool operator !=(PcrValue left, PcrValue right) => !left.Equals(right);

    /// <inheritdoc/>
    public readonly bool Equals(PcrValue other) => CryptographicOperations.FixedTimeEquals(Bytes, other.Bytes);

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is PcrValue other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    /// <summary>The value as 96 lower-case hexadecimal digits.</summary>
    public override readonly string ToString() => Convert.ToHexStringLower(Bytes);

    static PcrValue OfText(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        return Zero.Extend(Encoding.UTF8.GetBytes(text));
    }
}
