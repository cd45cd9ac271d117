using System.Buffers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using NitroEnclaves.Cbor;
using NitroEnclaves.Cose;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images;

/// <summary>The signature section of an image: the signer's certificate and a COSE_Sign1 over PCR0.</summary>
/// <remarks>
/// <code>
/// section = [ { "signing_certificate": [* uint8] (a PEM file), "signature": [* uint8] (a COSE_Sign1, untagged) } ]
/// payload = { "register_index": 0, "register_value": [* uint8] }
/// </code>
/// The bytes are arrays of integers, not byte strings. The certificate's file may hold a chain: its first certificate is the
/// signer's.
/// </remarks>
public sealed class EifSignature
{
    const int DepthLimit = 4;

    readonly byte[] _certificate;

    EifSignature(byte[] certificatePem, byte[] message, byte[] certificate)
    {
        CertificatePem = certificatePem;
        Message = message;
        _certificate = certificate;
        Pcr8 = PcrValue.OfContent(certificate);
    }

    /// <summary>Puts a section together.</summary>
    /// <param name="certificatePem">The certificate's PEM file, verbatim.</param>
    /// <param name="message">The COSE_Sign1.</param>
    /// <exception cref="EifException">There is no certificate in the file (<see cref="EifError.InvalidSignature"/>).</exception>
    internal EifSignature(byte[] certificatePem, byte[] message)
        : this(certificatePem, message, ReadCertificate(certificatePem, 0))
    {
    }

    /// <summary>The PEM file that the signer gave, one certificate or a chain.</summary>
    public ReadOnlyMemory<byte> CertificatePem { get; }

    /// <summary>The COSE_Sign1 message.</summary>
    public ReadOnlyMemory<byte> Message { get; }

    /// <summary>The signer's certificate (the first of the file) in DER.</summary>
    public ReadOnlyMemory<byte> Certificate => _certificate;

    /// <summary>The certificate's measurement.</summary>
    public PcrValue Pcr8 { get; }

    /// <summary>Reads a section's data.</summary>
    /// <param name="section">The data.</param>
    /// <exception cref="EifException">
    /// It is not of this shape, or the certificate cannot be read (<see cref="EifError.InvalidSignature"/>).
    /// </exception>
    public static EifSignature Parse(ReadOnlySpan<byte> section) => Parse(section, 0);

    internal static EifSignature Parse(ReadOnlySpan<byte> section, long offset)
    {
        byte[] certificatePem;
        byte[] message;
        var reader = new CborReader(section, DepthLimit);
        try
        {
            reader.ReadStartArray();
            reader.ReadStartMap();
            ReadKey(ref reader, "signing_certificate"u8, offset);
            certificatePem = ReadByteArray(ref reader);
            ReadKey(ref reader, "signature"u8, offset);
            message = ReadByteArray(ref reader);
            reader.ReadEndMap();
            reader.ReadEndArray();
            reader.ReadEndOfData();
        }
        catch (CborException e)
        {
            throw new EifException(EifError.InvalidSignature, offset + reader.Position,
                $"The signature section is not of its form: {e.Message}", e);
        }

        return new EifSignature(certificatePem, message, ReadCertificate(certificatePem, offset));
    }

    /// <summary>The section's data.</summary>
    public byte[] Encode()
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new CborWriter(output);
        writer.WriteStartArray(1);
        writer.WriteStartMap(2);
        writer.WriteTextString("signing_certificate"u8);
        WriteByteArray(ref writer, CertificatePem.Span);
        writer.WriteTextString("signature"u8);
        WriteByteArray(ref writer, Message.Span);
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Judges the signature.</summary>
    /// <param name="pcr0">The image's own PCR0, measured.</param>
    /// <param name="time">The time at which the certificate shall be valid; null to leave its dates aside.</param>
    /// <returns>The first thing that is wrong, or <see cref="EifSignatureStatus.Valid"/>.</returns>
    public EifSignatureStatus Verify(PcrValue pcr0, DateTimeOffset? time = null)
    {
        using var certificate = OpenCertificate();
        CoseSign1Message message;
        try
        {
            message = CoseSign1Message.Parse(Message.Span);
        }
        catch (CoseException)
        {
            return EifSignatureStatus.Malformed;
        }

        try
        {
            using var key = certificate.GetECDsaPublicKey();
            if (key is null || key.GetCoseAlgorithm() is null)
            {
                return EifSignatureStatus.UnsupportedKey;
            }

            if (!message.Verify(key))
            {
                return EifSignatureStatus.WrongKey;
            }
        }
        catch (CryptographicException)
        {
            return EifSignatureStatus.UnsupportedKey;
        }

        if (!PcrSignaturePayload.Matches(message.Payload, pcr0))
        {
            return EifSignatureStatus.WrongMeasurement;
        }

        return time switch
        {
            null => EifSignatureStatus.Valid,
            _ when time < certificate.NotBefore => EifSignatureStatus.CertificateNotYetValid,
            _ when time > certificate.NotAfter => EifSignatureStatus.CertificateExpired,
            _ => EifSignatureStatus.Valid,
        };
    }

    /// <summary>The signer's certificate; the caller disposes of it.</summary>
    public X509Certificate2 OpenCertificate() => X509CertificateLoader.LoadCertificate(_certificate);

    static void ReadKey(ref CborReader reader, ReadOnlySpan<byte> name, long offset)
    {
        int position = reader.Position;
        if (!reader.ReadTextStringBytes().SequenceEqual(name))
        {
            throw new EifException(EifError.InvalidSignature, offset + position,
                $"The signature section has another key where \"{Encoding.UTF8.GetString(name)}\" belongs.");
        }
    }

    /// <summary>An array of integers below 256; it cannot become longer than what is left of the data.</summary>
    internal static byte[] ReadByteArray(ref CborReader reader)
    {
        int? count = reader.ReadStartArray();
        var bytes = new List<byte>(Math.Min(count ?? 0, reader.BytesRemaining));
        while (!reader.TryReadEndArray())
        {
            bytes.Add(reader.ReadByte());
        }

        return [.. bytes];
    }

    internal static void WriteByteArray(ref CborWriter writer, ReadOnlySpan<byte> bytes)
    {
        writer.WriteStartArray(bytes.Length);
        foreach (byte value in bytes)
        {
            writer.WriteUInt64(value);
        }
    }

    static byte[] ReadCertificate(byte[] pem, long offset)
    {
        try
        {
            // Latin-1 keeps every byte a character of its own; what lies outside the PEM block may be anything.
            using var certificate = X509Certificate2.CreateFromPem(Encoding.Latin1.GetString(pem));
            return certificate.RawData;
        }
        catch (CryptographicException e)
        {
            throw new EifException(EifError.InvalidSignature, offset, "The signature section's certificate cannot be read.", e);
        }
    }
}
