namespace NitroEnclaves.Virtio.Tests;

/// <summary>A device that copies each chain's readable part into its writable part, and counts what happens to it.</summary>
sealed class EchoDevice(int queues = 2, int maxQueueSize = 1024) : IVirtioDevice
{
    readonly byte[] _buffer = new byte[4096];

    public List<string> Events { get; } = [];

    public int Turns { get; private set; }

    public int DeviceId => 42;

    public ulong Features => 1UL << 5;

    public int QueueCount => queues;

    public int MaxQueueSize => maxQueueSize;

    public ReadOnlySpan<byte> Configuration => "configuration"u8;

    public Virtqueue?[] Queues { get; } = new Virtqueue?[queues];

    public void Negotiated(ulong features) => Events.Add($"negotiated {features:x}");

    public void QueueStarted(Virtqueue queue)
    {
        Queues[queue.Index] = queue;
        Events.Add($"started {queue.Index}");
    }

    public void QueueStopped(Virtqueue queue) => Events.Add($"stopped {queue.Index}");

    public void Reset() => Events.Add("reset");

    public bool QueueNotified(Virtqueue queue)
    {
        Turns++;
        queue.DisableNotifications();
        for (var budget = queue.Size; budget > 0 && queue.TryPop(out var chain); budget--)
        {
            var count = chain.Read(0, _buffer);
            queue.AddUsed(chain.Head, (uint)chain.Write(0, _buffer.AsSpan(0, count)));
        }

        queue.Publish();
        return queue.EnableNotifications();
    }
}
