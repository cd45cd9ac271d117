namespace NitroEnclaves.Virtio;

/// <summary>A one-shot timer of an <see cref="EventLoop"/>, to be set as often as wanted without allocating.</summary>
public sealed class LoopTimer : IDisposable
{
    readonly EventLoop _loop;

    internal LoopTimer(EventLoop loop, Action callback)
    {
        _loop = loop;
        Callback = callback;
    }

    internal Action Callback { get; }

    /// <summary>Deadline in the time provider's timestamp units.</summary>
    internal long Deadline { get; set; }

    /// <summary>Place in the loop's heap, or -1.</summary>
    internal int HeapIndex { get; set; } = -1;

    /// <summary>Whether the timer is running.</summary>
    public bool IsSet => HeapIndex >= 0;

    /// <summary>Starts the timer, or starts it over. It runs out once, at the earliest after the time given.</summary>
    /// <param name="due">Time from now, 0 or more.</param>
    public void Set(TimeSpan due)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(due, TimeSpan.Zero);
        _loop.SetTimer(this, due);
    }

    /// <summary>Stops the timer; the callback does not come any more.</summary>
    public void Cancel() => _loop.CancelTimer(this);

    /// <inheritdoc cref="Cancel"/>
    public void Dispose() => Cancel();
}
