using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The id of an enclave, <c>i-&lt;17 hex&gt;-enc&lt;16 hex&gt;</c>: the parent's instance id and the slot that the enclave has on it.
/// It is also the module id in the enclave's attestation documents.
/// </summary>
public readonly record struct EnclaveId
{
    const string SlotPrefix = "-enc";
    const int SlotLength = 16;

    /// <summary>Puts an id together.</summary>
    /// <param name="instanceId">The parent's instance id.</param>
    /// <param name="slot">The slot, unique among the enclaves of this parent.</param>
    public EnclaveId(InstanceId instanceId, ulong slot)
    {
        InstanceId = instanceId;
        Slot = slot;
    }

    /// <summary>The parent's instance id.</summary>
    public InstanceId InstanceId { get; }

    /// <summary>The slot, unique among the enclaves of this parent.</summary>
    public ulong Slot { get; }

    /// <summary>Reads an id.</summary>
    /// <exception cref="EnclaveException">The text is no enclave id (<see cref="EnclaveFailure.InvalidArgument"/>).</exception>
    public static EnclaveId Parse(string text) => TryParse(text, out var id)
        ? id
        : throw new EnclaveException(
            EnclaveFailure.InvalidArgument, $"'{text}' is not an enclave id: that is i- and 17 hexadecimal digits, -enc and 16 hexadecimal digits.");

    /// <summary>Reads an id; false when the text is none. Only lower-case digits are accepted, so that one id has one form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out EnclaveId id)
    {
        id = default;
        if (text is null || text.Length != InstanceId.TextLength + SlotPrefix.Length + SlotLength
            || !text.AsSpan(InstanceId.TextLength).StartsWith(SlotPrefix, StringComparison.Ordinal)
            || !InstanceId.TryParse(text[..InstanceId.TextLength], out var instance))
        {
            return false;
        }

        var digits = text.AsSpan(InstanceId.TextLength + SlotPrefix.Length);
        if (digits.ContainsAnyExcept(InstanceId.LowerHexDigits))
        {
            return false;
        }

        id = new EnclaveId(instance, ulong.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
        return true;
    }

    /// <summary>The slot as it stands in an id, ours or nitro-cli's: what follows the last <c>-enc</c>; the whole text where there is none.</summary>
    internal static string SlotText(string id) => id[(id.LastIndexOf(SlotPrefix, StringComparison.Ordinal) is >= 0 and var index ? index + SlotPrefix.Length : 0)..];

    /// <summary>The id's text.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{InstanceId}{SlotPrefix}{Slot:x16}");
}
