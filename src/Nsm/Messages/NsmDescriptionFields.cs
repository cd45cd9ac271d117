using System.Collections.Immutable;
using NitroEnclaves.Cbor;

namespace NitroEnclaves.Nsm;

/// <summary>The fields of a DescribeNSM response as they come in.</summary>
struct NsmDescriptionFields
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
