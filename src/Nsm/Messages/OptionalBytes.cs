namespace NitroEnclaves.Nsm;

/// <summary>Bytes that can be absent, which is not the same as empty.</summary>
readonly ref struct OptionalBytes
{
    internal OptionalBytes(ReadOnlySpan<byte> value)
    {
        Value = value;
        HasValue = true;
    }

    internal ReadOnlySpan<byte> Value { get; }

    internal bool HasValue { get; }

    internal byte[]? ToArray() => HasValue ? Value.ToArray() : null;

    internal static OptionalBytes From(byte[]? value) => value is null ? default : new OptionalBytes(value);
}
