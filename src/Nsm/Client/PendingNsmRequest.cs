namespace NitroEnclaves.Nsm;

/// <summary>Turns a reply into a result, on the queue's thread.</summary>
delegate T NsmReplyReader<out T>(NsmResponse response);

/// <summary>An encoded request that waits for its turn, and its caller.</summary>
abstract class PendingNsmRequest(byte[] encoded)
{
    internal ReadOnlySpan<byte> Encoded => encoded;

    /// <summary>Gives the caller the reply. A caller that has gone is not an error.</summary>
    internal abstract void Complete(NsmResponse response);

    /// <summary>Gives the caller a failure. A caller that has gone is not an error.</summary>
    internal abstract void Fail(Exception exception);

    /// <summary>Lets the caller go.</summary>
    internal abstract void Abandon(CancellationToken cancellationToken);
}

/// <inheritdoc/>
sealed class PendingNsmRequest<T>(byte[] encoded, NsmReplyReader<T> reader) : PendingNsmRequest(encoded)
{
    // The caller's continuation must not run on, and block, the queue's one thread.
    readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Task<T> Result => _completion.Task;

    internal override void Complete(NsmResponse response) => _completion.TrySetResult(reader(response));

    internal override void Fail(Exception exception) => _completion.TrySetException(exception);

    internal override void Abandon(CancellationToken cancellationToken) => _completion.TrySetCanceled(cancellationToken);
}
