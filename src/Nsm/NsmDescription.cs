using System.Collections.Immutable;

namespace NitroEnclaves.Nsm;

/// <summary>What an NSM says about itself.</summary>
public sealed class NsmDescription
{
    /// <summary>The digest of every NSM known.</summary>
    public const string Sha384 = "SHA384";

    /// <summary>The module's version: major, minor, patch (as <see cref="Version.Build"/>), each 0 to 65,535.</summary>
    public required Version Version { get; init; }

    /// <summary>The module's name, <c>i-&lt;17 hex&gt;-enc&lt;16 hex&gt;</c>: parent instance and enclave.</summary>
    public required string ModuleId { get; init; }

    /// <summary>The number of registers.</summary>
    public required int MaxPcrs { get; init; }

    /// <summary>The locked registers, ascending.</summary>
    public required ImmutableArray<int> LockedPcrs { get; init; }

    /// <summary>What the registers are made of: "SHA256", "SHA384" or "SHA512".</summary>
    public string Digest { get; init; } = Sha384;

    /// <summary>Whether a message can carry it, and no register is locked that does not exist, or is named twice.</summary>
    internal bool IsConsistent =>
        Version.Major <= ushort.MaxValue && Version.Minor <= ushort.MaxValue && Version.Build is >= 0 and <= ushort.MaxValue
        && MaxPcrs is >= 0 and <= ushort.MaxValue && !LockedPcrs.IsDefault && IsAscendingBelow(LockedPcrs.AsSpan(), MaxPcrs);

    static bool IsAscendingBelow(ReadOnlySpan<int> indexes, int limit)
    {
        var previous = -1;
        foreach (var index in indexes)
        {
            if (index <= previous || index >= limit)
            {
                return false;
            }

            previous = index;
        }

        return true;
    }
}
