using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve;

/// <summary>
/// How the enclaves end that the server has seen, by their ids: who asks a moment after an end is told as well. The last ones are kept.
/// </summary>
sealed class EnclaveEnds
{
    const int Kept = 256;

    readonly Lock _lock = new();
    readonly Dictionary<string, Task<EnclaveEnd>> _ends = [];
    readonly Queue<string> _order = new();

    /// <summary>Keeps an enclave's end, which need not have come yet.</summary>
    public void Keep(string enclaveId, Task<EnclaveEnd> end)
    {
        lock (_lock)
        {
            if (!_ends.ContainsKey(enclaveId))
            {
                _order.Enqueue(enclaveId);
            }

            // An id may be given away again.
            _ends[enclaveId] = end;
            // One that still runs is kept, whatever its age: as many as run are few.
            for (var looked = _order.Count; looked > 0 && _order.Count > Kept; looked--)
            {
                var oldest = _order.Dequeue();
                if (_ends[oldest].IsCompleted)
                {
                    _ends.Remove(oldest);
                }
                else
                {
                    _order.Enqueue(oldest);
                }
            }
        }
    }

    /// <summary>The end of an enclave; null where the server has not seen the enclave, or was not told how it ended.</summary>
    public Task<EnclaveEnd>? Find(string enclaveId)
    {
        lock (_lock)
        {
            return _ends.GetValueOrDefault(enclaveId) is { IsFaulted: false, IsCanceled: false } end ? end : null;
        }
    }
}
