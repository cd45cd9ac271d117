using NitroEnclaves.Cbor;

namespace NitroEnclaves.Nsm;

public readonly ref partial struct NsmRequest
{
    /// <summary>Writes the request exactly as AWS's own library does: definite lengths, shortest integers, all keys in order.</summary>
    /// <param name="destination">Where to; <see cref="NsmLimits.MaxRequestLength"/> bytes hold every request that a device takes.</param>
    /// <returns>The number of bytes written.</returns>
    /// <exception cref="NsmException"><see cref="NsmErrorCode.InputTooLarge"/>: the request does not fit.</exception>
    public int Encode(Span<byte> destination)
    {
        try
        {
            var writer = new CborWriter(destination);
            Write(ref writer);
            return writer.BytesWritten;
        }
        catch (CborException exception) when (exception.Error == CborError.DestinationTooSmall)
        {
            throw new NsmException(
                NsmErrorCode.InputTooLarge, $"The {Operation} request does not fit into {destination.Length} bytes.", exception);
        }
    }

    void Write(ref CborWriter writer)
    {
        if (Operation is NsmOperation.DescribeNsm or NsmOperation.GetRandom)
        {
            writer.WriteTextString(NsmNames.Of(Operation));
            return;
        }

        writer.WriteStartMap(1);
        writer.WriteTextString(NsmNames.Of(Operation));
        switch (Operation)
        {
            case NsmOperation.DescribePcr or NsmOperation.LockPcr:
                writer.WriteStartMap(1);
                WriteNumber(ref writer, NsmNames.Index, Index);
                break;
            case NsmOperation.LockPcrs:
                writer.WriteStartMap(1);
                WriteNumber(ref writer, NsmNames.Range, Range);
                break;
            case NsmOperation.ExtendPcr:
                writer.WriteStartMap(2);
                WriteNumber(ref writer, NsmNames.Index, Index);
                writer.WriteTextString(NsmNames.Data);
                writer.WriteByteString(Data);
                break;
            default:
                writer.WriteStartMap(3);
                WriteOptional(ref writer, NsmNames.UserData, Attestation.HasUserData, Attestation.UserData);
                WriteOptional(ref writer, NsmNames.Nonce, Attestation.HasNonce, Attestation.Nonce);
                WriteOptional(ref writer, NsmNames.PublicKey, Attestation.HasPublicKey, Attestation.PublicKey);
                break;
        }
    }

    static void WriteNumber(ref CborWriter writer, ReadOnlySpan<byte> key, int number)
    {
        writer.WriteTextString(key);
        writer.WriteUInt64((ulong)number);
    }

    static void WriteOptional(ref CborWriter writer, ReadOnlySpan<byte> key, bool hasValue, ReadOnlySpan<byte> value)
    {
        writer.WriteTextString(key);
        if (hasValue)
        {
            writer.WriteByteString(value);
        }
        else
        {
            writer.WriteNull();
        }
    }
}
