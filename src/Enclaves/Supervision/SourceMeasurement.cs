using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The measurements of what an enclave is started from, taken beside its start: once the engine has started it, or it asks for them through
/// its NSM, whichever comes first. Hashing a large image would otherwise be most of what its user waits for.
/// </summary>
sealed class SourceMeasurement : IAsyncDisposable
{
    readonly TaskCompletionSource<EifMeasurements> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly CancellationTokenSource _giveUp;
    readonly Func<CancellationToken, EifMeasurements>? _measure;
    int _begun;

    /// <summary>Measurements that are known already.</summary>
    public SourceMeasurement(EifMeasurements known)
    {
        _giveUp = new CancellationTokenSource();
        _result.SetResult(known);
        _begun = 1;
    }

    /// <summary>Measurements that are still to be taken.</summary>
    /// <param name="measure">Takes them.</param>
    /// <param name="stop">Gives them up.</param>
    public SourceMeasurement(Func<CancellationToken, EifMeasurements> measure, CancellationToken stop) =>
        (_measure, _giveUp) = (measure, CancellationTokenSource.CreateLinkedTokenSource(stop));

    /// <summary>Completes when they are taken; it fails as measuring does, or when they were given up.</summary>
    public Task<EifMeasurements> Result => _result.Task;

    /// <summary>Begins, unless that was done before.</summary>
    public void Begin()
    {
        if (Interlocked.Exchange(ref _begun, 1) == 0)
        {
            _ = Task.Run(Measure);
        }
    }

    /// <summary>Gives up what is not done yet, and waits for the end of it: the source may then be closed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _giveUp.CancelAsync().ConfigureAwait(false);
        if (Interlocked.Exchange(ref _begun, 1) == 0)
        {
            _result.SetCanceled(_giveUp.Token);
        }

        await Task.WhenAny(_result.Task).ConfigureAwait(false);
        _giveUp.Dispose();
    }

    void Measure()
    {
        try
        {
            _result.SetResult(_measure!(_giveUp.Token));
        }
        catch (OperationCanceledException)
        {
            _result.SetCanceled(_giveUp.Token);
        }
#pragma warning disable CA1031 // Whoever waits for the result gets the exception.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _result.SetException(exception);
        }
    }
}
