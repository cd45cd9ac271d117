using System.Security.Cryptography;
using NitroEnclaves.Attestation;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Signs the documents of an emulated enclave under the local authority (contracts, "Folders"). The authority is opened in the background
/// once the enclave runs, or asks for a document: loading keys takes longer than an enclave of the process engine takes to start.
/// </summary>
sealed class EnclaveSigner : IDocumentSigner, IDisposable
{
    readonly Lazy<Task<(AttestationAuthority Authority, AttestationDocumentIssuer Issuer)>> _opened;

    /// <summary>Nothing is opened yet.</summary>
    /// <param name="options">The enclave's options: which authority. It is made where there is none yet.</param>
    /// <param name="time">The clock of its certificates.</param>
    public EnclaveSigner(EnclaveOptions options, TimeProvider time) =>
        _opened = new(() => Task.Run(() => Open(options.AuthorityPath ?? AttestationAuthority.DefaultFolder, time)));

    /// <summary>Begins to open the authority, unless that was done before.</summary>
    public void Begin() => _ = _opened.Value;

    /// <summary>Waits until the authority is open.</summary>
    /// <exception cref="EnclaveException">Its folder cannot be used (<see cref="EnclaveFailure.FileOperation"/>).</exception>
    public Task OpenAsync() => _opened.Value;

    /// <inheritdoc/>
    public byte[] Sign(AttestationDocumentContent content) => _opened.Value.GetAwaiter().GetResult().Issuer.Sign(content);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_opened.IsValueCreated)
        {
            return;
        }

        Task.WaitAny(_opened.Value);
        if (_opened.Value.IsCompletedSuccessfully)
        {
            var (authority, issuer) = _opened.Value.Result;
            issuer.Dispose();
            authority.Dispose();
        }
    }

    static (AttestationAuthority Authority, AttestationDocumentIssuer Issuer) Open(string folder, TimeProvider time)
    {
        try
        {
            var authority = AttestationAuthority.OpenOrCreate(folder, time);
            return (authority, authority.CreateIssuer());
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException or CryptographicException)
        {
            throw new EnclaveException(EnclaveFailure.FileOperation, $"The attestation authority in {folder} cannot be used: {exception.Message}", exception);
        }
    }
}
