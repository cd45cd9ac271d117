using System.Security.Cryptography;

namespace NitroEnclaves.Nsm;

/// <summary>
/// A bounded queue of requests and the one thread that carries them out. The driver blocks uninterruptibly, so that the thread
/// pool is no place for it, and a second thread would only wait for the first inside the kernel.
/// </summary>
sealed class NsmRequestQueue(INsmTransport transport, int capacity) : IDisposable
{
    readonly object _lock = new();
    readonly LinkedList<PendingNsmRequest> _waiting = new();
    PendingNsmRequest? _running;
    bool _started;
    bool _disposed;

    /// <summary>Queues a request and waits for its result.</summary>
    /// <param name="request">The request with its caller.</param>
    /// <param name="cancellationToken">Lets go of the request: a waiting one is taken back, one in flight goes on without its caller.</param>
    /// <exception cref="NsmException"><see cref="NsmErrorCode.QueueFull"/>.</exception>
    /// <exception cref="ObjectDisposedException">The queue has been disposed of, now or meanwhile.</exception>
    internal async Task<T> RunAsync<T>(PendingNsmRequest<T> request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var place = Enqueue(request);
        await using (cancellationToken.UnsafeRegister(_ => Cancel(place, cancellationToken), null).ConfigureAwait(false))
        {
            return await request.Result.ConfigureAwait(false);
        }
    }

    /// <summary>Fails every request, waiting or in flight. The thread ends when the call in flight, if any, has returned.</summary>
    public void Dispose()
    {
        PendingNsmRequest[] failed;
        lock (_lock)
        {
            _disposed = true;
            failed = _running is null ? [.. _waiting] : [_running, .. _waiting];
            _waiting.Clear();
            Monitor.Pulse(_lock);
        }

        foreach (var request in failed)
        {
            request.Fail(new ObjectDisposedException(nameof(NsmClient)));
        }
    }

    LinkedListNode<PendingNsmRequest> Enqueue(PendingNsmRequest request)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(NsmClient));
            if (_waiting.Count == capacity)
            {
                throw new NsmException(NsmErrorCode.QueueFull, $"{capacity} requests wait for the NSM already.");
            }

            if (!_started)
            {
                new Thread(Run) { IsBackground = true, Name = "NSM requests" }.Start();
                _started = true;
            }

            Monitor.Pulse(_lock);
            return _waiting.AddLast(request);
        }
    }

    void Cancel(LinkedListNode<PendingNsmRequest> place, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (place.List is not null)
            {
                _waiting.Remove(place);
            }
        }

        place.Value.Abandon(cancellationToken);
    }

    void Run()
    {
        var reply = new byte[NsmLimits.MaxResponseLength];
        while (Next() is { } request)
        {
            try
            {
                request.Complete(NsmReplies.Exchange(transport, request.Encoded, reply));
            }
#pragma warning disable CA1031 // Whatever went wrong is the caller's to see; the thread goes on with the next request.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                request.Fail(exception);
            }

            // It may have held random bytes.
            CryptographicOperations.ZeroMemory(reply);
        }
    }

    /// <summary>Waits for a request and takes it out of the queue; null when the queue is disposed of.</summary>
    PendingNsmRequest? Next()
    {
        lock (_lock)
        {
            _running = null;
            while (_waiting.First is null && !_disposed)
            {
                Monitor.Wait(_lock);
            }

            if (_disposed)
            {
                return null;
            }

            _running = _waiting.First!.Value;
            _waiting.RemoveFirst();
            return _running;
        }
    }
}
