using NitroEnclaves.Cbor;

namespace NitroEnclaves.Nsm;

public readonly ref partial struct NsmResponse
{
    /// <summary>Writes the response: definite lengths, shortest integers.</summary>
    /// <param name="destination">Where to; <see cref="NsmLimits.MaxResponseLength"/> bytes hold every response that a driver takes.</param>
    /// <param name="length">The number of bytes written, 0 where the response does not fit.</param>
    /// <param name="keyOrder">In which order.</param>
    /// <returns>Whether the response fits.</returns>
    public bool TryEncode(Span<byte> destination, out int length, NsmKeyOrder keyOrder = NsmKeyOrder.Hardware)
    {
        try
        {
            var writer = new CborWriter(destination);
            Write(ref writer, keyOrder);
            length = writer.BytesWritten;
            return true;
        }
        catch (CborException exception) when (exception.Error == CborError.DestinationTooSmall)
        {
            length = 0;
            return false;
        }
    }

    void Write(ref CborWriter writer, NsmKeyOrder keyOrder)
    {
        if (IsError)
        {
            writer.WriteStartMap(1);
            writer.WriteTextString(NsmNames.Error);
            writer.WriteTextString(ErrorName);
            return;
        }

        if (Operation is NsmOperation.LockPcr or NsmOperation.LockPcrs)
        {
            writer.WriteTextString(NsmNames.Of(Operation));
            return;
        }

        writer.WriteStartMap(1);
        writer.WriteTextString(NsmNames.Of(Operation));
        switch (Operation)
        {
            case NsmOperation.DescribeNsm:
                WriteDescription(ref writer, keyOrder, Description!);
                break;
            case NsmOperation.DescribePcr:
                WriteRegister(ref writer, keyOrder);
                break;
            default:
                writer.WriteStartMap(1);
                WriteBytes(ref writer, DataKey(Operation), Data);
                break;
        }
    }

    void WriteRegister(ref CborWriter writer, NsmKeyOrder keyOrder)
    {
        writer.WriteStartMap(2);
        if (keyOrder == NsmKeyOrder.Qemu)
        {
            WriteBytes(ref writer, NsmNames.Data, Data);
        }

        writer.WriteTextString(NsmNames.Lock);
        writer.WriteBoolean(IsLocked);
        if (keyOrder == NsmKeyOrder.Hardware)
        {
            WriteBytes(ref writer, NsmNames.Data, Data);
        }
    }

    static void WriteDescription(ref CborWriter writer, NsmKeyOrder keyOrder, NsmDescription description)
    {
        writer.WriteStartMap(7);
        if (keyOrder == NsmKeyOrder.Qemu)
        {
            WriteText(ref writer, NsmNames.Digest, description.Digest);
            WriteNumber(ref writer, NsmNames.MaxPcrs, description.MaxPcrs);
            WriteText(ref writer, NsmNames.ModuleId, description.ModuleId);
            WriteLocked(ref writer, description);
            WriteVersion(ref writer, description.Version);
            return;
        }

        WriteVersion(ref writer, description.Version);
        WriteText(ref writer, NsmNames.ModuleId, description.ModuleId);
        WriteNumber(ref writer, NsmNames.MaxPcrs, description.MaxPcrs);
        WriteLocked(ref writer, description);
        WriteText(ref writer, NsmNames.Digest, description.Digest);
    }

    static void WriteVersion(ref CborWriter writer, Version version)
    {
        WriteNumber(ref writer, NsmNames.VersionMajor, version.Major);
        WriteNumber(ref writer, NsmNames.VersionMinor, version.Minor);
        WriteNumber(ref writer, NsmNames.VersionPatch, version.Build);
    }

    static void WriteLocked(ref CborWriter writer, NsmDescription description)
    {
        writer.WriteTextString(NsmNames.LockedPcrs);
        writer.WriteStartArray(description.LockedPcrs.Length);
        foreach (var index in description.LockedPcrs)
        {
            writer.WriteUInt64((ulong)index);
        }
    }

    static void WriteNumber(ref CborWriter writer, ReadOnlySpan<byte> key, int number)
    {
        writer.WriteTextString(key);
        writer.WriteUInt64((ulong)number);
    }

    static void WriteText(ref CborWriter writer, ReadOnlySpan<byte> key, string text)
    {
        writer.WriteTextString(key);
        writer.WriteTextString(text.AsSpan());
    }

    static void WriteBytes(ref CborWriter writer, ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes)
    {
        writer.WriteTextString(key);
        writer.WriteByteString(bytes);
    }

    /// <summary>The key under which a response with one byte string carries it.</summary>
    static ReadOnlySpan<byte> DataKey(NsmOperation operation) => operation switch
    {
        NsmOperation.GetRandom => NsmNames.Random,
        NsmOperation.Attestation => NsmNames.Document,
        _ => NsmNames.Data,
    };
}
