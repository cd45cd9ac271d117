namespace NitroEnclaves.Virtio;

public sealed unsafe partial class EventLoop
{
    // Two lists in turn: work posted while a batch runs waits for the next turn, so it cannot keep descriptors from theirs.
    readonly Lock postLock = new();
    List<Action> posted = [];
    List<Action> running = [];
    volatile bool hasPosted;

    bool HasPosted => hasPosted;

    /// <summary>
    /// Runs an action on the loop's thread, after what was posted before it. From any thread, also before the loop runs; once the
    /// loop has ended it is never run.
    /// </summary>
    /// <param name="action">The work; one that is kept and posted again costs no allocation.</param>
    public void Post(Action action)
    {
        bool first;
        lock (postLock)
        {
            first = posted.Count == 0;
            posted.Add(action);
            hasPosted = true;
        }

        // The loop looks at the list before it sleeps; only others have to wake it, and only once.
        if (first && !IsCurrent)
        {
            Wake();
        }
    }

    void RunPosted()
    {
        if (!hasPosted)
        {
            return;
        }

        lock (postLock)
        {
            (posted, running) = (running, posted);
            hasPosted = false;
        }

        try
        {
            foreach (var action in running)
            {
                action();
            }
        }
        finally
        {
            running.Clear();
        }
    }
}
