namespace NitroEnclaves.Nsm.Tests;

/// <summary>Signs nothing: keeps what it was asked to sign and gives a fixed document.</summary>
sealed class RecordingSigner(byte[]? document = null) : IDocumentSigner
{
    public List<AttestationDocumentContent> Contents { get; } = [];

    public byte[] Document { get; } = document ?? [0x84, 0x44, 0xA1, 0x01, 0x38, 0x22];

    public byte[] Sign(AttestationDocumentContent content)
    {
        Contents.Add(content);
        return Document;
    }
}
