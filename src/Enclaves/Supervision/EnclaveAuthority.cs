using System.Security.Cryptography;
using NitroEnclaves.Attestation;

namespace NitroEnclaves.Enclaves;

/// <summary>Opens the local authority that signs the documents of emulated enclaves (contracts, "Folders").</summary>
static class EnclaveAuthority
{
    /// <summary>Opens the authority of an enclave's options, and makes it where there is none yet.</summary>
    /// <exception cref="EnclaveException">Its folder cannot be used (<see cref="EnclaveFailure.FileOperation"/>).</exception>
    public static AttestationAuthority Open(EnclaveOptions options, TimeProvider time)
    {
        var folder = options.AuthorityPath ?? AttestationAuthority.DefaultFolder;
        try
        {
            return AttestationAuthority.OpenOrCreate(folder, time);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException or CryptographicException)
        {
            throw new EnclaveException(EnclaveFailure.FileOperation, $"The attestation authority in {folder} cannot be used: {exception.Message}", exception);
        }
    }
}
