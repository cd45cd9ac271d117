using System.Security.Cryptography;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>A key of the emulator. Immutable.</summary>
sealed class KmsKey
{
    /// <summary>The key's id.</summary>
    internal required Guid Id { get; init; }

    /// <summary>What it is: <c>SYMMETRIC_DEFAULT</c>, <c>RSA_2048</c>, <c>ECC_NIST_P256</c>, …</summary>
    internal required string Spec { get; init; }

    /// <summary>What it is for: <c>ENCRYPT_DECRYPT</c> or <c>KEY_AGREEMENT</c>.</summary>
    internal required string Usage { get; init; }

    /// <summary>What its creator says of it; possibly empty.</summary>
    internal required string Description { get; init; }

    /// <summary>When it was created.</summary>
    internal required DateTimeOffset Created { get; init; }

    /// <summary>Its policy, as its creator wrote it.</summary>
    internal required string PolicyText { get; init; }

    /// <summary>Its policy.</summary>
    internal required KeyPolicy Policy { get; init; }

    /// <summary>32 bytes of an AES key, or the PKCS #8 form of a private key.</summary>
    internal required byte[] Material { get; init; }

    /// <summary>Makes a key.</summary>
    /// <exception cref="KmsErrorException">There is no such specification, it does not serve the usage, or the policy is none.</exception>
    internal static KmsKey Create(string spec, string usage, string description, string policy, DateTimeOffset now)
    {
        var isAgreement = spec.StartsWith("ECC_NIST_", StringComparison.Ordinal);
        if (usage != (isAgreement ? "KEY_AGREEMENT" : "ENCRYPT_DECRYPT"))
        {
            throw KmsErrorException.Unsupported($"The emulator has no keys of {spec} for {usage}: only ENCRYPT_DECRYPT, and KEY_AGREEMENT of ECC_NIST_*.");
        }

        return new KmsKey
        {
            Id = Guid.NewGuid(),
            Spec = spec,
            Usage = usage,
            Description = description,
            Created = now,
            PolicyText = policy,
            Policy = KeyPolicyReader.Read(policy),
            Material = spec == KeyPairs.Symmetric ? RandomNumberGenerator.GetBytes(32) : KeyPairs.Create(spec).PrivateKey,
        };
    }
}
