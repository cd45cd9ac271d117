namespace NitroEnclaves.Tests;

/// <summary>
/// Tells code that allocates from a runtime that does. The runtime allocates on a program's own thread now and then (on-stack replacement,
/// what is bound at its first use), once and not in every round; code that allocates does so in each. Hence the least of several rounds.
/// </summary>
static class AllocationGate
{
    const int Rounds = 5;

    /// <summary>The fewest bytes that this thread allocates in one of several rounds, the first of which does not count.</summary>
    public static long Least(Action round)
    {
        Span<long> readings = stackalloc long[Rounds + 1];
        foreach (ref var reading in readings)
        {
            round();
            reading = GC.GetAllocatedBytesForCurrentThread();
        }

        return LeastStep(readings);
    }

    /// <summary>The smallest step between readings of one thread's counter.</summary>
    public static long LeastStep(ReadOnlySpan<long> readings)
    {
        var least = long.MaxValue;
        for (var i = 1; i < readings.Length; i++)
        {
            least = Math.Min(least, readings[i] - readings[i - 1]);
        }

        return least;
    }
}
