namespace NitroEnclaves.Virtio;

public sealed unsafe partial class EventLoop
{
    // Two lists in turn: work posted while a batch runs waits for the next turn, so it cannot keep descriptors from theirs.
    readonly Lock _postLock = new();
    List<Action> _posted = [];
    List<Action> _running = [];
    volatile bool _hasPosted;

    bool HasPosted => _hasPosted;

    /// <summary>
    /// Runs an action on the loop's thread, after what was posted before it. From any thread, also before the loop runs; once the
    /// loop has ended it is never run.
    /// </summary>
    /// <param name="action">The work; one that is kept and posted again costs no allocation.</param>
    public void Post(Action action)
    {
        bool first;
        lock (_postLock)
        {
            first = _posted.Count == 0;
            _posted.Add(action);
            _hasPosted = true;
        }

        // The loop looks at the list before it sleeps; only others have to wake it, and only once.
        if (first && !IsCurrent)
        {
            Wake();
        }
    }

    /// <summary>
    /// Runs an action on the loop's thread and waits for it; at once where nobody runs the loop, or the caller is on its thread.
    /// An exception of the action comes out here. From any thread.
    /// </summary>
    public void Invoke(Action action)
    {
        if (IsCurrent || Volatile.Read(ref _threadId) == 0)
        {
            action();
            return;
        }

        var task = new Task(action);
        Post(task.RunSynchronously);
        if (Task.WaitAny(task, Completion) == 1 && !task.IsCompleted)
        {
            // The loop ended first. Whatever was posted is lost, and this thread has the loop's things to itself.
            action();
            return;
        }

        task.GetAwaiter().GetResult();
    }

    void RunPosted()
    {
        if (!_hasPosted)
        {
            return;
        }

        lock (_postLock)
        {
            (_posted, _running) = (_running, _posted);
            _hasPosted = false;
        }

        try
        {
            foreach (var action in _running)
            {
                action();
            }
        }
        finally
        {
            _running.Clear();
        }
    }
}
