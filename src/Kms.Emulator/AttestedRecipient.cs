using System.Security.Cryptography;
using NitroEnclaves.Attestation;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>An enclave that a request names as its recipient: its document was verified up to a trusted root.</summary>
sealed class AttestedRecipient : IDisposable
{
    const int MaximumDocumentLength = 262_144; // KMS's limit, far above what a document can be
    const string Algorithm = "RSAES_OAEP_SHA_256";

    // Registers are for the key's policy to judge, debug mode by their zeros included, as KMS leaves it.
    static readonly AttestationPolicy s_anyEnclave = AttestationPolicy.SignatureAndChainOnly.AllowingDebugMode();

    readonly VerifiedAttestation _attestation;
    readonly RSA _key;

    AttestedRecipient(VerifiedAttestation attestation, RSA key)
    {
        _attestation = attestation;
        _key = key;
    }

    /// <summary>The name of the enclave's NSM.</summary>
    internal string ModuleId => _attestation.ModuleId;

    /// <summary>Verifies the recipient of a request; null where it names none.</summary>
    /// <exception cref="KmsErrorException">The document is refused, or carries no usable RSA key.</exception>
    internal static AttestedRecipient? Verify(KmsRequest request, AttestationVerifier verifier, TimeSpan maximumAge)
    {
        if (request.GetObject("Recipient") is not { } recipient)
        {
            return null;
        }

        if (recipient.RequireText("KeyEncryptionAlgorithm") != Algorithm)
        {
            throw KmsErrorException.Validation($"KeyEncryptionAlgorithm is not {Algorithm}.");
        }

        var result = verifier.Verify(recipient.RequireBytes("AttestationDocument", MaximumDocumentLength), s_anyEnclave.WithMaximumAge(maximumAge));
        if (!result.IsVerified)
        {
            throw KmsErrorException.Validation($"The attestation document is refused ({result.Failure}): {result.Message}");
        }

        var publicKey = result.Attestation.PublicKey
            ?? throw KmsErrorException.Validation("The attestation document carries no public key.");
        return new AttestedRecipient(result.Attestation, ImportKey(publicKey.Span));
    }

    /// <summary>Adds the enclave's registers to what conditions can ask for.</summary>
    internal void AddConditionValues(Dictionary<string, string> values)
    {
        foreach (var (index, value) in _attestation.Pcrs)
        {
            values[$"kms:RecipientAttestation:PCR{index}"] = value.ToString();
            if (index == Pcr.Image)
            {
                values["kms:RecipientAttestation:ImageSha384"] = value.ToString();
            }
        }
    }

    /// <summary>Encrypts a plaintext for the enclave.</summary>
    /// <exception cref="KmsErrorException">The enclave's key is one that nothing can be encrypted with.</exception>
    internal byte[] Seal(ReadOnlySpan<byte> plaintext)
    {
        try
        {
            return RecipientEnvelopeWriter.Write(plaintext, _attestation.PublicKey!.Value.Span, _key);
        }
        catch (CryptographicException)
        {
            throw KmsErrorException.Validation("The public key of the attestation document encrypts nothing.");
        }
    }

    public void Dispose() => _key.Dispose();

    static RSA ImportKey(ReadOnlySpan<byte> publicKey)
    {
        var key = RSA.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(publicKey, out var read);
            if (read == publicKey.Length && key.KeySize is >= 2048 and <= 4096)
            {
                return key;
            }
        }
        catch (CryptographicException)
        {
            // Reported below with the other ways of being no such key.
        }

        key.Dispose();
        throw KmsErrorException.Validation("The public key of the attestation document is not an RSA key of 2048 to 4096 bits in DER (SubjectPublicKeyInfo).");
    }
}
