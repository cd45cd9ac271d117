namespace NitroEnclaves.Vsock;

/// <summary>
/// The time limit of one operation after another, joined with each caller's own cancellation. Reused, so that a stream's steady state
/// allocates nothing. Not for concurrent operations.
/// </summary>
/// <param name="limit">The limit of each operation; infinite for none.</param>
/// <param name="timeProvider">The clock.</param>
sealed class OperationTimeout(TimeSpan limit, TimeProvider timeProvider) : IDisposable
{
    CancellationTokenSource? _source;
    CancellationTokenRegistration _registration;

    /// <summary>Starts the clock; the token is cancelled at the limit, or with the caller's.</summary>
    public CancellationToken Start(CancellationToken caller)
    {
        if (limit == Timeout.InfiniteTimeSpan)
        {
            return caller;
        }

        var source = _source ??= new CancellationTokenSource(Timeout.InfiniteTimeSpan, timeProvider);
        source.CancelAfter(limit);
        _registration = caller.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), source);
        return source.Token;
    }

    /// <summary>Whether the operation ended by the limit and not by its caller. Ask before <see cref="Stop"/>.</summary>
    public bool Expired(CancellationToken caller) => !caller.IsCancellationRequested && _source is { IsCancellationRequested: true };

    /// <summary>Ends the operation.</summary>
    public void Stop()
    {
        if (_source is null)
        {
            return;
        }

        _registration.Dispose();
        _registration = default;
        if (!_source.TryReset())
        {
            _source.Dispose();
            _source = null;
        }
    }

    public void Dispose() => _source?.Dispose();
}
