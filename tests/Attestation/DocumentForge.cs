using NitroEnclaves.Cbor;
using NitroEnclaves.Cose;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>Makes documents that are signed rightly and wrong in one respect.</summary>
sealed class DocumentForge
{
    public delegate void Write(ref CborWriter writer);

    readonly TestPki _pki;

    public DocumentForge(TestPki? pki = null)
    {
        _pki = pki ?? TestPki.Shared;
        Set("module_id", (ref w) => w.WriteTextString(OwnDocuments.ModuleId));
        Set("digest", (ref w) => w.WriteTextString("SHA384"));
        Set("timestamp", (ref w) => w.WriteUInt64((ulong)TestClock.Noon.ToUnixTimeMilliseconds()));
        SetPcrs([.. OwnDocuments.Pcrs.Select(pcr => (pcr.Key, pcr.Value.Bytes.ToArray()))]);
        Set("certificate", (ref w) => w.WriteByteString(_pki[TestPki.Leaf]));
        SetBundle(_pki.Bundle);
        Set("public_key", (ref w) => w.WriteNull());
        Set("user_data", (ref w) => w.WriteNull());
        Set("nonce", (ref w) => w.WriteByteString(OwnDocuments.Nonce));
    }

    /// <summary>The encoded pairs of the payload, in order.</summary>
    public List<(byte[] Key, byte[] Value)> Fields { get; } = [];

    /// <summary>Whether the payload's map is of indefinite length.</summary>
    public bool IsIndefinite { get; set; }

    public static byte[] Encode(Write write)
    {
        var buffer = new byte[64 * 1024];
        var writer = new CborWriter(buffer);
        write(ref writer);
        return buffer[..writer.BytesWritten];
    }

    public DocumentForge Set(string field, Write write)
    {
        var pair = (Encode((ref w) => w.WriteTextString(field)), Encode(write));
        var at = IndexOf(field);
        if (at < 0)
        {
            Fields.Add(pair);
        }
        else
        {
            Fields[at] = pair;
        }

        return this;
    }

    public DocumentForge SetPcrs(params (int Index, byte[] Value)[] pcrs) => Set("pcrs", (ref w) =>
    {
        w.WriteStartMap(pcrs.Length);
        foreach (var (index, value) in pcrs)
        {
            w.WriteInt64(index);
            w.WriteByteString(value);
        }
    });

    public DocumentForge SetPcr(int index, PcrValue value) =>
        SetPcrs([.. OwnDocuments.Pcrs.SetItem(index, value).Select(pcr => (pcr.Key, pcr.Value.Bytes.ToArray()))]);

    public DocumentForge SetBundle(params byte[][] certificates) => Set("cabundle", (ref w) =>
    {
        w.WriteStartArray(certificates.Length);
        foreach (var certificate in certificates)
        {
            w.WriteByteString(certificate);
        }
    });

    public DocumentForge Remove(string field)
    {
        Fields.RemoveAt(IndexOf(field));
        return this;
    }

    public DocumentForge Repeat(string field)
    {
        Fields.Add(Fields[IndexOf(field)]);
        return this;
    }

    public byte[] Payload() => Encode((ref w) =>
    {
        if (IsIndefinite)
        {
            w.WriteStartIndefiniteMap();
        }
        else
        {
            w.WriteStartMap(Fields.Count);
        }

        foreach (var (key, value) in Fields)
        {
            w.WriteEncodedValue(key);
            w.WriteEncodedValue(value);
        }

        if (IsIndefinite)
        {
            w.WriteBreak();
        }
    });

    public byte[] Document() => Sign(Payload());

    /// <summary>Signs any payload as the leaf.</summary>
    public byte[] Sign(byte[] payload) => CoseSign1.Sign(payload, _pki.LeafKey);

    /// <summary>Puts an envelope together from encoded parts.</summary>
    public static byte[] Envelope(string protectedHeader, string unprotectedHeader, byte[] payload, byte[] signature) => Encode((ref w) =>
    {
        w.WriteStartArray(4);
        w.WriteByteString(Convert.FromHexString(protectedHeader));
        w.WriteEncodedValue(Convert.FromHexString(unprotectedHeader));
        w.WriteByteString(payload);
        w.WriteByteString(signature);
    });

    int IndexOf(string field)
    {
        var key = Encode((ref w) => w.WriteTextString(field));
        return Fields.FindIndex(pair => pair.Key.AsSpan().SequenceEqual(key));
    }
}
