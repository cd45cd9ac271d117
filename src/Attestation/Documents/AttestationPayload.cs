using System.Collections.Immutable;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

/// <summary>The fields of a document's payload, read and found within their rules.</summary>
sealed class AttestationPayload
{
    /// <summary>Stands between the parent instance's id and the enclave's own in a module id.</summary>
    internal const string EnclaveMark = "-enc";

    internal required ReadOnlyMemory<byte> Encoded { get; init; }

    internal required bool HasIndefiniteLength { get; init; }

    internal required string ModuleId { get; init; }

    internal required DateTimeOffset Timestamp { get; init; }

    internal required ImmutableSortedDictionary<int, PcrValue> Pcrs { get; init; }

    internal required ReadOnlyMemory<byte> Certificate { get; init; }

    internal required ImmutableArray<ReadOnlyMemory<byte>> CaBundle { get; init; }

    internal ReadOnlyMemory<byte>? PublicKey { get; init; }

    internal ReadOnlyMemory<byte>? UserData { get; init; }

    internal ReadOnlyMemory<byte>? Nonce { get; init; }

    /// <summary>A measured image never leaves one of the three zero, whatever it is: an empty section extends too.</summary>
    internal bool IsDebugMode => IsZero(Pcr.Image) || IsZero(Pcr.KernelAndBoot) || IsZero(Pcr.Application);

    internal static AttestationPayload Parse(ReadOnlyMemory<byte> payload, AttestationLimits limits) =>
        new AttestationPayloadReader(payload, limits).Read();

    bool IsZero(int index) => Pcrs.TryGetValue(index, out var value) && value.IsZero;
}
