namespace NitroEnclaves.Nsm;

/// <summary>Turns what an NSM knows into a signed attestation document. The software NSM calls it for each Attestation request.</summary>
public interface IDocumentSigner
{
    /// <summary>Encodes and signs a document; certificate and bundle are the signer's own.</summary>
    /// <param name="content">What the document states.</param>
    /// <returns>
    /// The document as an untagged COSE_Sign1. It has to fit into a response, so it is shorter than
    /// <see cref="NsmLimits.MaxResponseLength"/> less 32 bytes.
    /// </returns>
    byte[] Sign(AttestationDocumentContent content);
}
