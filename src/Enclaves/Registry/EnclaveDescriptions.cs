namespace NitroEnclaves.Enclaves;

/// <summary>What the running enclaves say of themselves, and which of them say nothing.</summary>
/// <param name="Answered">Those whose process has answered, in the order of their CIDs.</param>
/// <param name="Silent">Those whose process lives and gave no answer: it is stopped, hangs, or speaks another protocol.</param>
public sealed record EnclaveDescriptions(IReadOnlyList<EnclaveDescription> Answered, IReadOnlyList<EnclaveEntry> Silent)
{
    /// <summary>Fails where an enclave's process gave no answer, and names each.</summary>
    /// <exception cref="EnclaveException">One gave none (<see cref="EnclaveFailure.ProcessConnection"/>).</exception>
    public void ThrowIfSilent()
    {
        if (Silent.Count > 0)
        {
            throw new EnclaveException(
                EnclaveFailure.ProcessConnection,
                $"No answer came from {string.Join(", ", Silent.Select(entry => $"{entry.Id} (process {entry.ProcessId})"))}: look at what the process does, or end it.");
        }
    }
}
