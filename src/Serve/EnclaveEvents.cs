using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace NitroEnclaves.Serve;

/// <summary>The events of this server: the last ones are kept for those who come back, and each listener has a bounded queue.</summary>
sealed class EnclaveEvents
{
    const int Kept = 256;

    readonly Lock _lock = new();
    readonly Queue<EnclaveEvent> _recent = new();
    readonly List<ChannelWriter<EnclaveEvent>> _listeners = [];
    long _number;

    /// <summary>Adds an event and tells everybody who listens. One who is too slow loses his oldest, and sees it by the numbers.</summary>
    public void Publish(string type, DateTimeOffset time, string enclaveId, string enclaveName, string? end = null)
    {
        lock (_lock)
        {
            var happened = new EnclaveEvent(++_number, type, time, enclaveId, enclaveName, end);
            _recent.Enqueue(happened);
            if (_recent.Count > Kept)
            {
                _recent.Dequeue();
            }

            _listeners.ForEach(listener => listener.TryWrite(happened));
        }
    }

    /// <summary>The events after a number that are still kept, then those that come.</summary>
    /// <param name="after">The last number that the listener has seen; null for none of those that were.</param>
    /// <param name="cancellationToken">Ends the listening.</param>
    public async IAsyncEnumerable<EnclaveEvent> ListenAsync(long? after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var queue = Channel.CreateBounded<EnclaveEvent>(new BoundedChannelOptions(2 * Kept) { FullMode = BoundedChannelFullMode.DropOldest });
        lock (_lock)
        {
            foreach (var happened in _recent.Where(happened => happened.Number > (after ?? _number)))
            {
                queue.Writer.TryWrite(happened);
            }

            _listeners.Add(queue.Writer);
        }

        try
        {
            await foreach (var happened in queue.Reader.ReadAllAsync(cancellationToken))
            {
                yield return happened;
            }
        }
        finally
        {
            lock (_lock)
            {
                _listeners.Remove(queue.Writer);
            }
        }
    }
}
