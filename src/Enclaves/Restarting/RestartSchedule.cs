namespace NitroEnclaves.Enclaves;

/// <summary>Keeps count of one enclave's starts and says after each end whether, and after which pause, there is another.</summary>
sealed class RestartSchedule(RestartPolicy policy)
{
    int _inRow;

    /// <summary>How often the enclave was started again.</summary>
    public int Count { get; private set; }

    /// <summary>The pause before the next start; null when there is none.</summary>
    /// <param name="end">How the enclave ended.</param>
    /// <param name="ran">How long it had run.</param>
    public TimeSpan? Next(EnclaveEnd end, TimeSpan ran)
    {
        if (!policy.Covers(end))
        {
            return null;
        }

        _inRow = ran >= RestartPolicy.StableAfter ? 0 : _inRow;
        if (_inRow >= policy.Limit)
        {
            return null;
        }

        // Doubling beyond any length that a pause has would only overflow.
        var delay = policy.Delay * Math.Pow(2, Math.Min(_inRow, 30));
        _inRow++;
        Count++;
        return delay < RestartPolicy.LongestDelay ? delay : RestartPolicy.LongestDelay;
    }
}
