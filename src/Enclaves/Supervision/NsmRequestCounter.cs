using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves;

/// <summary>Counts what an emulated enclave asks of its NSM, over all its runs. Called from several threads.</summary>
sealed class NsmRequestCounter
{
    const string Malformed = "Malformed";

    static readonly NsmOperation[] s_operations = Enum.GetValues<NsmOperation>();

    // One for each operation, then one for what is no request.
    readonly long[] _counts = new long[s_operations.Length + 1];

    /// <summary>The requests so far, by operation; only those that came.</summary>
    public IReadOnlyDictionary<string, long> Read()
    {
        var counts = new Dictionary<string, long>();
        for (var index = 0; index < _counts.Length; index++)
        {
            if (Interlocked.Read(ref _counts[index]) is > 0 and var count)
            {
                counts.Add(index < s_operations.Length ? s_operations[index].ToString() : Malformed, count);
            }
        }

        return counts;
    }

    /// <summary>The same NSM, whose requests are counted here.</summary>
    public INsmTransport Over(INsmTransport nsm) => new Counted(nsm, this);

    void Count(ReadOnlySpan<byte> request)
    {
        var index = NsmRequest.TryDecode(request, out var decoded) ? Array.IndexOf(s_operations, decoded.Operation) : s_operations.Length;
        Interlocked.Increment(ref _counts[index]);
    }

    sealed class Counted(INsmTransport nsm, NsmRequestCounter counter) : INsmTransport
    {
        public int Exchange(ReadOnlySpan<byte> request, Span<byte> response)
        {
            counter.Count(request);
            return nsm.Exchange(request, response);
        }
    }
}
