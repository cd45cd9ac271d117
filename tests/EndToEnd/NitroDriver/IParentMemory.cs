namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The memory of the machine that is the enclaves' parent, by physical address.</summary>
interface IParentMemory
{
    /// <summary>Reads; says whether all of it is memory.</summary>
    bool TryRead(ulong address, Span<byte> destination);
}
