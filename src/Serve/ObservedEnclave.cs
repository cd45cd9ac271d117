using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve;

/// <summary>What the instruments say of a running enclave.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Engine">What runs it.</param>
/// <param name="MemoryBytes">Its memory.</param>
/// <param name="Restarts">How often its restart policy has started it again.</param>
/// <param name="Statistics">What it has done; null where its process does not say.</param>
sealed record ObservedEnclave(string Id, string Name, string Engine, long MemoryBytes, int Restarts = 0, EnclaveStatistics? Statistics = null)
{
    public KeyValuePair<string, object?>[] Tags { get; } = [new("enclave", Id), new("name", Name)];
}
