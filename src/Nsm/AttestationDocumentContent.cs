using System.Collections.Immutable;

namespace NitroEnclaves.Nsm;

/// <summary>What the NSM puts into an attestation document, before a signer adds its certificates and signature.</summary>
public sealed class AttestationDocumentContent
{
    /// <summary>The name of the NSM that issues the document: <c>i-&lt;17 hex&gt;-enc&lt;16 hex&gt;</c>.</summary>
    public required string ModuleId { get; init; }

    /// <summary>The moment of issue; documents carry it in milliseconds since 1970.</summary>
    public required DateTimeOffset Timestamp { get; init; }

    /// <summary>The locked registers, by ascending index 0 to 31. Unlocked ones do not appear in documents.</summary>
    public required ImmutableSortedDictionary<int, PcrValue> Pcrs { get; init; }

    /// <summary>The requester's data, possibly empty; null where none was given.</summary>
    public byte[]? UserData { get; init; }

    /// <summary>The requester's nonce, possibly empty; null where none was given.</summary>
    public byte[]? Nonce { get; init; }

    /// <summary>The requester's public key, possibly empty; null where none was given.</summary>
    public byte[]? PublicKey { get; init; }
}
