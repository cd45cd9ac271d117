namespace NitroEnclaves.Virtio;

// What the device gives back: used { le16 flags; le16 idx; { le32 id; le32 len } ring[n]; le16 avail_event }.
public sealed unsafe partial class Virtqueue
{
    // VIRTQ_AVAIL_F_NO_INTERRUPT and VIRTQ_USED_F_NO_NOTIFY; both mean something only without the event index.
    const ushort NoInterrupt = 1;
    const ushort NoNotify = 1;

    ushort _nextUsed;
    ushort _publishedUsed;

    // After a start nobody knows up to where the driver was last notified: the first batch always interrupts.
    bool _interruptWanted;

    /// <summary>Gives a chain back. The driver sees it after <see cref="Publish"/>.</summary>
    /// <param name="head">The chain's <see cref="DescriptorChain.Head"/>.</param>
    /// <param name="length">Bytes written into its writable part, from the beginning.</param>
    /// <exception cref="InvalidOperationException">More chains are given back than were taken.</exception>
    public void AddUsed(ushort head, uint length)
    {
        if (_outstanding == 0)
        {
            throw new InvalidOperationException("No chain is taken.");
        }

        _returnable = 0;
        _outstanding--;
        if (IsRunning)
        {
            var entry = (uint*)(_used + RingOffset + (_nextUsed & (Size - 1)) * UsedEntrySize);
            entry[0] = head;
            entry[1] = length;
            _nextUsed++;
        }
    }

    /// <summary>
    /// Shows the driver all chains given back since the last call, with one decision, and one interrupt where it wants it.
    /// </summary>
    /// <returns>Whether the driver was notified.</returns>
    public bool Publish()
    {
        if (!IsRunning || _nextUsed == _publishedUsed)
        {
            return false;
        }

        // Entries before the index (release), the index before the driver's wish is read (full fence): the driver writes its
        // wish and then looks at the index, so one of the two sees the other.
        Volatile.Write(ref *(ushort*)(_used + IndexOffset), _nextUsed);
        Interlocked.MemoryBarrier();
        var previous = _publishedUsed;
        _publishedUsed = _nextUsed;
        if (_eventIndex)
        {
            // vring_need_event: was the index that the driver named passed by this batch?
            var wanted = Volatile.Read(ref *(ushort*)(_available + RingOffset + Size * sizeof(ushort)));
            if (!_interruptWanted && (ushort)(_nextUsed - wanted - 1) >= (ushort)(_nextUsed - previous))
            {
                return false;
            }

            _interruptWanted = false;
        }
        else if ((Volatile.Read(ref *(ushort*)_available) & NoInterrupt) != 0)
        {
            return false;
        }

        _notifier!.NotifyUsed();
        return true;
    }

    /// <summary>
    /// Asks the driver to notify when it adds a chain, and looks once more, as it may have added one just before.
    /// </summary>
    /// <returns>Whether chains wait already: no notification will come for those.</returns>
    public bool EnableNotifications()
    {
        if (!IsRunning)
        {
            return false;
        }

        if (_eventIndex)
        {
            Volatile.Write(ref *(ushort*)(_used + RingOffset + Size * UsedEntrySize), NextAvailable);
        }
        else
        {
            Volatile.Write(ref *(ushort*)_used, 0);
        }

        Interlocked.MemoryBarrier();
        return LookForMore();
    }

    /// <summary>Tells the driver that it need not notify, while the device looks by itself. Advice: notifications may still come.</summary>
    public void DisableNotifications()
    {
        // With the event index, the index that was asked for last simply lies behind.
        if (IsRunning && !_eventIndex)
        {
            Volatile.Write(ref *(ushort*)_used, NoNotify);
        }
    }
}
