namespace NitroEnclaves.Serve;

/// <summary>What the instruments say of a running enclave.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Engine">What runs it.</param>
/// <param name="MemoryBytes">Its memory.</param>
sealed record ObservedEnclave(string Id, string Name, string Engine, long MemoryBytes)
{
    public KeyValuePair<string, object?>[] Tags { get; } = [new("enclave", Id), new("name", Name)];
}
