namespace NitroEnclaves.Virtio;

/// <summary>
/// A device model: what it is, and what it does when its queues move. It knows neither its transport nor the engine behind it.
/// All calls come on one thread, that of the <see cref="EventLoop"/>; the device locks nothing.
/// </summary>
/// <remarks>
/// Order of calls: <see cref="Negotiated"/>, then <see cref="QueueStarted"/> and <see cref="QueueNotified"/> for each queue, as
/// the driver starts them; <see cref="QueueStopped"/> for each; then either <see cref="QueueStarted"/> again (the machine was
/// paused and resumes: all state stays) or <see cref="Reset"/> (the guest began anew or is gone).
/// </remarks>
public interface IVirtioDevice
{
    /// <summary>The virtio device type: 19 vsock, 33 Nitro security module.</summary>
    int DeviceId { get; }

    /// <summary>Feature bits of the device itself (0-23, 50-127); transports add <see cref="VirtioFeatures.Ring"/> and their own.</summary>
    ulong Features { get; }

    /// <summary>Queues of the device, at least 1.</summary>
    int QueueCount { get; }

    /// <summary>Most entries of a queue, a power of two.</summary>
    int MaxQueueSize { get; }

    /// <summary>The configuration space as the driver reads it, little-endian; empty where the device has none.</summary>
    ReadOnlySpan<byte> Configuration { get; }

    /// <summary>The driver accepted features, a subset of those offered. No queue runs.</summary>
    void Negotiated(ulong features);

    /// <summary>A queue runs from now on. <see cref="QueueNotified"/> follows, as chains may wait already.</summary>
    /// <param name="queue">The same object for the same index every time.</param>
    void QueueStarted(Virtqueue queue);

    /// <summary>A queue runs no more. The device waits with whatever needs it, and reads nothing that it could not deliver.</summary>
    void QueueStopped(Virtqueue queue);

    /// <summary>The driver added chains, or may have. Works on at most about <see cref="Virtqueue.Size"/> chains.</summary>
    /// <returns>Whether chains are left: the transport calls again after others had their turn.</returns>
    bool QueueNotified(Virtqueue queue);

    /// <summary>The guest began anew or is gone: drop everything that belonged to it. All queues are stopped.</summary>
    void Reset();
}
