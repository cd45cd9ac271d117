using System.Globalization;

namespace NitroEnclaves.Enclaves;

/// <summary>Amounts of enclave memory as the command line gives them: digits and an optional M, G or T (eif-and-nitro-cli 3.1).</summary>
public static class MemorySize
{
    /// <summary>Reads an amount of memory.</summary>
    /// <param name="text">Digits, then nothing, M, G or T in either case; nothing means MiB.</param>
    /// <returns>The amount in MiB.</returns>
    /// <exception cref="EnclaveException">The text has another form or does not fit (<see cref="EnclaveFailure.InvalidArgument"/>).</exception>
    public static ulong ParseMiB(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var digits = text.AsSpan();
        var scale = 1UL;
        if (digits is [.., var unit] && !char.IsAsciiDigit(unit))
        {
            scale = char.ToLowerInvariant(unit) switch
            {
                'm' => 1,
                'g' => 1024,
                't' => 1024 * 1024,
                _ => throw Invalid(text),
            };
            digits = digits[..^1];
        }

        return ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= ulong.MaxValue / scale
            ? count * scale
            : throw Invalid(text);
    }

    static EnclaveException Invalid(string text) => new(
        EnclaveFailure.InvalidArgument,
        $"The amount of memory '{text}' is not a number of MiB, nor a number followed by M, G or T.");
}
