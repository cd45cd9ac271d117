namespace NitroEnclaves.Nsm;

/// <summary>
/// What a document is to state on behalf of the requester. A property that is set is present in the document, even when it is
/// empty; one that is not set is null there. Documents are public: nothing secret belongs here.
/// </summary>
/// <remarks>
/// Hardware signs 1,024 bytes in each field and more; the whole request has at most <see cref="NsmLimits.MaxRequestLength"/>.
/// Verifiers may accept less: 512 bytes are safe.
/// </remarks>
public readonly ref struct AttestationRequest
{
    readonly OptionalBytes _userData;
    readonly OptionalBytes _nonce;
    readonly OptionalBytes _publicKey;

    internal AttestationRequest(OptionalBytes userData, OptionalBytes nonce, OptionalBytes publicKey)
    {
        _userData = userData;
        _nonce = nonce;
        _publicKey = publicKey;
    }

    /// <summary>Any data; empty when not set.</summary>
    public ReadOnlySpan<byte> UserData
    {
        get => _userData.Value;
        init => _userData = new OptionalBytes(value);
    }

    /// <summary>The verifier's nonce, which proves that the document is fresh; empty when not set.</summary>
    public ReadOnlySpan<byte> Nonce
    {
        get => _nonce.Value;
        init => _nonce = new OptionalBytes(value);
    }

    /// <summary>A public key whose private half the enclave holds; for AWS KMS an RSA key as SubjectPublicKeyInfo. Empty when not set.</summary>
    public ReadOnlySpan<byte> PublicKey
    {
        get => _publicKey.Value;
        init => _publicKey = new OptionalBytes(value);
    }

    /// <summary>Whether <see cref="UserData"/> is set.</summary>
    public bool HasUserData => _userData.HasValue;

    /// <summary>Whether <see cref="Nonce"/> is set.</summary>
    public bool HasNonce => _nonce.HasValue;

    /// <summary>Whether <see cref="PublicKey"/> is set.</summary>
    public bool HasPublicKey => _publicKey.HasValue;
}
