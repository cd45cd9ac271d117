namespace NitroEnclaves.Attestation.Tests;

/// <summary>Cases by name, so that a test says which one it is.</summary>
sealed class NegativeCases : Dictionary<string, (AttestationFailure Failure, Func<byte[]> Document)>
{
    public IEnumerable<TheoryDataRow<string>> Names => Keys.Select(name => new TheoryDataRow<string>(name));

    public void Add(string name, AttestationFailure failure, Func<byte[]> document) => Add(name, (failure, document));

    /// <summary>A document that is right but for what <paramref name="adjust"/> does to its payload.</summary>
    public void Add(string name, AttestationFailure failure, Action<DocumentForge> adjust) => Add(name, failure, () =>
    {
        var forge = new DocumentForge();
        adjust(forge);
        return forge.Document();
    });
}
