using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace NitroEnclaves.Attestation;

/// <summary>The SHA-256 of a certificate's DER, as a value that compares and hashes quickly.</summary>
readonly record struct CertificateFingerprint(ulong A, ulong B, ulong C, ulong D)
{
    internal static CertificateFingerprint Of(ReadOnlySpan<byte> der)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(der, hash);
        return Read(hash);
    }

    /// <summary>Takes the 32 bytes of a hash.</summary>
    internal static CertificateFingerprint Read(ReadOnlySpan<byte> hash)
    {
        var parts = MemoryMarshal.Cast<byte, ulong>(hash);
        return new CertificateFingerprint(parts[0], parts[1], parts[2], parts[3]);
    }

    internal byte[] ToArray() => MemoryMarshal.AsBytes<ulong>([A, B, C, D]).ToArray();

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(MemoryMarshal.AsBytes<ulong>([A, B, C, D]));
}
