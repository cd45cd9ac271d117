namespace NitroEnclaves.Virtio;

/// <summary>Something that waits for a descriptor on an <see cref="EventLoop"/>.</summary>
public interface IReadyHandler
{
    /// <summary>The descriptor is ready. Runs on the loop's thread and must not block.</summary>
    /// <param name="events">Everything that came at once.</param>
    void OnReady(ReadyEvents events);
}
