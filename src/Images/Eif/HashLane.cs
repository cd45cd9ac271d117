using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace NitroEnclaves.Images;

/// <summary>
/// A SHA-384 that is computed beside the caller: chunks queue up for a thread that starts with the second one, so that small
/// images cost no thread.
/// </summary>
sealed class HashLane(IncrementalHash hash) : IDisposable
{
    readonly BlockingCollection<Chunk> _queue = [];
    readonly CountdownEvent _outstanding = new(1);
    Task? _worker;
    bool _started;

    /// <summary>A lane at the start of its data.</summary>
    public HashLane() : this(IncrementalHash.CreateHash(HashAlgorithmName.SHA384))
    {
    }

    /// <summary>Hashes a chunk, now or soon; holds it until then.</summary>
    public void Append(Chunk chunk)
    {
        if (!_started)
        {
            _started = true;
            hash.AppendData(chunk.Data);
            return;
        }

        _worker ??= Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        chunk.Hold();
        _outstanding.AddCount();
        _queue.Add(chunk);
    }

    /// <summary>The digest of everything appended, and on it goes.</summary>
    public byte[] GetDigest()
    {
        Drain();
        return hash.GetCurrentHash();
    }

    /// <summary>Another lane that has hashed the same so far.</summary>
    public HashLane Clone()
    {
        Drain();
        return new HashLane(hash.Clone());
    }

    public void Dispose()
    {
        _queue.CompleteAdding();
        _worker?.Wait();
        _queue.Dispose();
        _outstanding.Dispose();
        hash.Dispose();
    }

    void Drain()
    {
        // The count begins at one so that it can be waited for again and again.
        _outstanding.Signal();
        _outstanding.Wait();
        _outstanding.Reset(1);
    }

    void Work()
    {
        foreach (var chunk in _queue.GetConsumingEnumerable())
        {
            try
            {
                hash.AppendData(chunk.Data);
            }
            finally
            {
                chunk.Release();
                _outstanding.Signal();
            }
        }
    }
}
