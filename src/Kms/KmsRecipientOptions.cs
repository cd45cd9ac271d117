namespace NitroEnclaves.Kms;

/// <summary>What a <see cref="KmsRecipient"/> is made of.</summary>
public sealed class KmsRecipientOptions
{
    /// <summary>The RSA key's length in bits: 2048 (the default, and what AWS's own tools use), 3072 or 4096.</summary>
    public int KeySize { get; init; } = 2048;

    /// <summary>
    /// Whether requests may go without TLS. Only for an emulator: without TLS that ends in the enclave nothing tells KMS from the
    /// enclave's parent, which can make envelopes of its own.
    /// </summary>
    public bool AllowPlainHttp { get; init; }
}
