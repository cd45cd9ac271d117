using NitroEnclaves.Cbor;

namespace NitroEnclaves.Nsm;

public readonly ref partial struct NsmResponse
{
    /// <summary>
    /// Reads a response as a client does: by key in any order, unknown keys ignored, maps of either length form, integers of any
    /// width. A known key that is missing or repeated, and bytes after the response, are refused.
    /// </summary>
    /// <param name="encoded">The response, exactly.</param>
    /// <param name="response">The response; its spans lie inside <paramref name="encoded"/>.</param>
    /// <returns>Whether it is a response.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> encoded, out NsmResponse response)
    {
        try
        {
            var reader = new CborReader(encoded);
            if (TryRead(ref reader, out response))
            {
                reader.ReadEndOfData();
                return true;
            }
        }
        catch (CborException)
        {
            // Malformed: the same answer as for what is well-formed and no response.
        }

        response = default;
        return false;
    }

    static bool TryRead(scoped ref CborReader reader, out NsmResponse response)
    {
        response = default;
        if (reader.PeekType() == CborType.TextString)
        {
            var known = NsmNames.TryParse(reader.ReadTextStringBytes(), out var bare);
            response = new NsmResponse(bare);
            return known && bare is (NsmOperation.LockPcr or NsmOperation.LockPcrs);
        }

        if (reader.ReadStartMap() is not (1 or null))
        {
            return false;
        }

        var name = reader.ReadTextStringBytes();
        bool complete;
        if (name.SequenceEqual(NsmNames.Error))
        {
            response = new NsmResponse(default) { ErrorName = reader.ReadTextStringBytes() };
            complete = response.IsError;
        }
        else
        {
            complete = NsmNames.TryParse(name, out var operation) && operation switch
            {
                NsmOperation.DescribeNsm => TryReadDescription(ref reader, out response),
                NsmOperation.DescribePcr => TryReadRegister(ref reader, out response),
                NsmOperation.LockPcr or NsmOperation.LockPcrs => false,
                _ => TryReadData(ref reader, operation, out response),
            };
        }

        if (!complete)
        {
            return false;
        }

        reader.ReadEndMap();
        return true;
    }

    /// <summary>GetRandom, ExtendPCR, Attestation: one byte string under the operation's key.</summary>
    static bool TryReadData(scoped ref CborReader reader, NsmOperation operation, out NsmResponse response)
    {
        response = default;
        var data = default(OptionalBytes);
        var key = DataKey(operation);
        reader.ReadStartMap();
        while (!reader.TryReadEndMap())
        {
            if (!reader.ReadTextStringBytes().SequenceEqual(key))
            {
                reader.SkipValue();
            }
            else if (data.HasValue)
            {
                return false;
            }
            else
            {
                data = new OptionalBytes(reader.ReadByteString());
            }
        }

        response = new NsmResponse(operation) { Data = data.Value };
        return data.HasValue;
    }

    static bool TryReadRegister(scoped ref CborReader reader, out NsmResponse response)
    {
        response = default;
        var data = default(OptionalBytes);
        bool? isLocked = null;
        reader.ReadStartMap();
        while (!reader.TryReadEndMap())
        {
            var key = reader.ReadTextStringBytes();
            if (key.SequenceEqual(NsmNames.Data) && !data.HasValue)
            {
                data = new OptionalBytes(reader.ReadByteString());
            }
            else if (key.SequenceEqual(NsmNames.Lock) && isLocked is null)
            {
                isLocked = reader.ReadBoolean();
            }
            else if (key.SequenceEqual(NsmNames.Data) || key.SequenceEqual(NsmNames.Lock))
            {
                return false;
            }
            else
            {
                reader.SkipValue();
            }
        }

        response = new NsmResponse(NsmOperation.DescribePcr) { Data = data.Value, IsLocked = isLocked.GetValueOrDefault() };
        return data.HasValue && isLocked is not null;
    }

    static bool TryReadDescription(scoped ref CborReader reader, out NsmResponse response)
    {
        response = default;
        var fields = default(NsmDescriptionFields);
        reader.ReadStartMap();
        while (!reader.TryReadEndMap())
        {
            if (!fields.TryRead(reader.ReadTextStringBytes(), ref reader))
            {
                return false;
            }
        }

        if (fields.ToDescription() is not { } description)
        {
            return false;
        }

        response = DescribeNsm(description);
        return true;
    }
}
