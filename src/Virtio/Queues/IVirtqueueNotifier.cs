namespace NitroEnclaves.Virtio;

/// <summary>How a queue reaches its driver. A transport implements it: an eventfd for vhost-user, an interrupt line for MMIO.</summary>
public interface IVirtqueueNotifier
{
    /// <summary>There are used entries and the driver wants to hear of them. Never blocks.</summary>
    void NotifyUsed();

    /// <summary>The ring is broken (<see cref="Virtqueue.Fault"/>); called once, and nothing is processed until it starts anew.</summary>
    void NotifyBroken();
}
