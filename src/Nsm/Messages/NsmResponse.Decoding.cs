using System.Collections.Immutable;
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
        var fields = default(DescriptionFields);
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

    /// <summary>The fields of a DescribeNSM response as they come in.</summary>
    struct DescriptionFields
    {
        ushort? _major;
        ushort? _minor;
        ushort? _patch;
        ushort? _maxPcrs;
        string? _moduleId;
        string? _digest;
        ImmutableArray<int>? _lockedPcrs;

        /// <summary>Reads the value of a key, or skips it where the key is unknown.</summary>
        /// <returns>False for a repeated key or an impossible value.</returns>
        internal bool TryRead(ReadOnlySpan<byte> key, scoped ref CborReader reader)
        {
            if (key.SequenceEqual(NsmNames.VersionMajor))
            {
                return TrySet(ref _major, ref reader);
            }

            if (key.SequenceEqual(NsmNames.VersionMinor))
            {
                return TrySet(ref _minor, ref reader);
            }

            if (key.SequenceEqual(NsmNames.VersionPatch))
            {
                return TrySet(ref _patch, ref reader);
            }

            if (key.SequenceEqual(NsmNames.MaxPcrs))
            {
                return TrySet(ref _maxPcrs, ref reader);
            }

            if (key.SequenceEqual(NsmNames.ModuleId))
            {
                return TrySet(ref _moduleId, ref reader);
            }

            if (key.SequenceEqual(NsmNames.Digest))
            {
                return TrySet(ref _digest, ref reader);
            }

            if (key.SequenceEqual(NsmNames.LockedPcrs))
            {
                var isFirst = _lockedPcrs is null;
                _lockedPcrs = ReadIndexes(ref reader);
                return isFirst;
            }

            reader.SkipValue();
            return true;
        }

        internal readonly NsmDescription? ToDescription()
        {
            if (_major is not { } major || _minor is not { } minor || _patch is not { } patch
                || _maxPcrs is not { } maxPcrs || _moduleId is null || _digest is null || _lockedPcrs is not { } lockedPcrs)
            {
                return null;
            }

            var description = new NsmDescription
            {
                Version = new Version(major, minor, patch),
                ModuleId = _moduleId,
                MaxPcrs = maxPcrs,
                LockedPcrs = lockedPcrs,
                Digest = _digest,
            };
            return description.IsConsistent ? description : null;
        }

        static bool TrySet(ref ushort? field, scoped ref CborReader reader)
        {
            var isFirst = field is null;
            field = reader.ReadUInt16();
            return isFirst;
        }

        static bool TrySet(ref string? field, scoped ref CborReader reader)
        {
            var isFirst = field is null;
            field = reader.ReadTextString();
            return isFirst;
        }

        static ImmutableArray<int> ReadIndexes(scoped ref CborReader reader)
        {
            // The reader has compared a count with the bytes that are left; an indefinite length grows item by item.
            var indexes = ImmutableArray.CreateBuilder<int>(Math.Min(reader.ReadStartArray() ?? Pcr.Count, Pcr.Count));
            while (!reader.TryReadEndArray())
            {
                indexes.Add(reader.ReadUInt16());
            }

            return indexes.ToImmutable();
        }
    }
}
