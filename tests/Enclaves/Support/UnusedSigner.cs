using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>A signer for tests that ask for no document.</summary>
sealed class UnusedSigner : IDocumentSigner
{
    public byte[] Sign(AttestationDocumentContent content) => throw new InvalidOperationException("No document was to be asked for.");
}
