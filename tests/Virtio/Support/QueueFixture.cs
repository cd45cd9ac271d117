namespace NitroEnclaves.Virtio.Tests;

/// <summary>A queue, the driver at its other end and the memory between them, without a transport.</summary>
sealed class QueueFixture : IDisposable, IVirtqueueNotifier
{
    public QueueFixture(int size = 8, ulong features = 0, ushort start = 0)
    {
        Features = features;
        Driver = new DriverRing(Ram, size, eventIndex: (features & VirtioFeatures.EventIndex) != 0);
        Memory = Ram.Map();
        Queue = new Virtqueue(0, Virtqueue.MaxSize);
        Queue.Start(Memory, Driver.Layout, features, start, this);
    }

    public const ulong Buffers = GuestRam.HighBase;

    public ulong Features { get; }

    public GuestRam Ram { get; } = new();

    public DriverRing Driver { get; }

    public GuestMemory Memory { get; }

    public Virtqueue Queue { get; }

    public int Interrupts { get; private set; }

    public int Breaks { get; private set; }

    public void NotifyUsed() => Interrupts++;

    public void NotifyBroken() => Breaks++;

    public void Dispose()
    {
        Queue.Stop();
        Memory.Dispose();
        Ram.Dispose();
    }
}
