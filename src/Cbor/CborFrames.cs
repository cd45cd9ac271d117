using System.Runtime.CompilerServices;

namespace NitroEnclaves.Cbor;

/// <summary>
/// The open arrays and maps of a reader, outermost first. Part of the reader itself, so that nesting costs no allocation.
/// </summary>
[InlineArray(CborReader.MaximumDepth)]
struct CborFrames
{
#pragma warning disable IDE0044, CA1823 // an inline array's one field is its element type
    CborFrame _first;
#pragma warning restore IDE0044, CA1823
}

/// <summary>One open array or map.</summary>
struct CborFrame
{
    /// <summary>Items left (a map's pair is two). Of an indefinite length: the number of items seen, negated, less one.</summary>
    internal int Items;

    internal bool IsMap;

    internal readonly bool IsIndefinite => Items < 0;

    /// <summary>A key was read and its value was not. The negated count of seen items, less one, is even then.</summary>
    internal readonly bool MissesValue => IsMap && IsIndefinite && (Items & 1) == 0;
}
