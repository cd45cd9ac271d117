using System.Text;
using NitroEnclaves.Cbor;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

/// <summary>Writes a payload as hardware does: nine keys in its order, null for what the requester did not give.</summary>
static class AttestationPayloadWriter
{
    const int FieldCount = 9;

    // Keys, heads, digest and timestamp together take less than half of it; each register has an index of two bytes and a head of two.
    const int Overhead = 512;
    const int PcrLength = PcrValue.Length + 4;
    const int HeadLength = 3;

    internal static byte[] Write(
        AttestationDocumentContent content,
        ReadOnlySpan<byte> certificate,
        ReadOnlySpan<byte[]> caBundle,
        AttestationDocumentForm form)
    {
        var buffer = new byte[MaximumLength(content, certificate, caBundle)];
        var writer = new CborWriter(buffer);
        if (form == AttestationDocumentForm.IndefiniteLength)
        {
            writer.WriteStartIndefiniteMap();
        }
        else
        {
            writer.WriteStartMap(FieldCount);
        }

        WriteKey(ref writer, AttestationField.ModuleId);
        writer.WriteTextString(content.ModuleId);
        WriteKey(ref writer, AttestationField.Digest);
        writer.WriteTextString("SHA384"u8);
        WriteKey(ref writer, AttestationField.Timestamp);
        writer.WriteUInt64((ulong)content.Timestamp.ToUnixTimeMilliseconds());
        WriteKey(ref writer, AttestationField.Pcrs);
        writer.WriteStartMap(content.Pcrs.Count);
        foreach (var (index, value) in content.Pcrs)
        {
            writer.WriteUInt64((ulong)index);
            writer.WriteByteString(value.Bytes);
        }

        WriteKey(ref writer, AttestationField.Certificate);
        writer.WriteByteString(certificate);
        WriteKey(ref writer, AttestationField.CaBundle);
        writer.WriteStartArray(caBundle.Length);
        foreach (var issuer in caBundle)
        {
            writer.WriteByteString(issuer);
        }

        WriteOptional(ref writer, AttestationField.PublicKey, content.PublicKey);
        WriteOptional(ref writer, AttestationField.UserData, content.UserData);
        WriteOptional(ref writer, AttestationField.Nonce, content.Nonce);
        if (form == AttestationDocumentForm.IndefiniteLength)
        {
            writer.WriteBreak();
        }

        return buffer[..writer.BytesWritten];
    }

    static void WriteOptional(ref CborWriter writer, AttestationField field, byte[]? value)
    {
        WriteKey(ref writer, field);
        if (value is null)
        {
            writer.WriteNull();
        }
        else
        {
            writer.WriteByteString(value);
        }
    }

    static void WriteKey(ref CborWriter writer, AttestationField field) => writer.WriteTextString(AttestationFieldNames.Of(field));

    static int MaximumLength(AttestationDocumentContent content, ReadOnlySpan<byte> certificate, ReadOnlySpan<byte[]> caBundle)
    {
        var length = Overhead
            + Encoding.UTF8.GetMaxByteCount(content.ModuleId.Length)
            + (content.Pcrs.Count * PcrLength)
            + certificate.Length
            + (content.PublicKey?.Length ?? 0) + (content.UserData?.Length ?? 0) + (content.Nonce?.Length ?? 0);
        foreach (var issuer in caBundle)
        {
            length += HeadLength + issuer.Length;
        }

        return length;
    }
}
