using System.Numerics;

namespace NitroEnclaves.Virtio;

/// <summary>
/// The device's side of one split virtqueue (virtio 1.3, 2.7), with or without indirect descriptors, event index and VERSION_1.
/// Everything in guest memory is hostile: each descriptor is copied once and checked, chains end after as many descriptors as
/// the ring has, a bad chain goes back to the driver with length 0 (<see cref="LastRejection"/>), and a ring whose indices make
/// no sense becomes broken (<see cref="Fault"/>) and stands still. Nothing here throws at a guest's doing, and nothing allocates
/// once started. One thread at a time, that of the <see cref="EventLoop"/>.
/// </summary>
/// <remarks>
/// A device's turn: <see cref="DisableNotifications"/>; pop at most <see cref="Size"/> chains, work, <see cref="AddUsed"/>;
/// <see cref="Publish"/>; then <see cref="EnableNotifications"/>, and where that finds more, another turn after the others had theirs.
/// </remarks>
public sealed unsafe partial class Virtqueue
{
    // Unsafe because rings are shared with the guest. The three ring pointers come from GuestMemory lookups of the whole
    // ring, done in Start and Relocate; indices into them are masked or compared with the size before use.

    /// <summary>Most entries virtio allows.</summary>
    public const int MaxSize = 32768;

    // Flags, idx, then the ring: the first two members of both rings.
    const int IndexOffset = 2;
    const int RingOffset = 4;
    const int UsedEntrySize = 8;

    readonly int _maxSize;
    GuestMemory? _memory;
    VirtqueueLayout _layout;
    IVirtqueueNotifier? _notifier;
    byte* _descriptors;
    byte* _available;
    byte* _used;
    bool _indirectDescriptors;
    bool _eventIndex;
    int _outstanding;

    /// <summary>Makes a stopped queue.</summary>
    /// <param name="index">Its number in the device.</param>
    /// <param name="maxSize">Most entries the device takes, 1 to <see cref="MaxSize"/>.</param>
    public Virtqueue(int index, int maxSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxSize, MaxSize);
        Index = index;
        _maxSize = maxSize;
    }

    /// <summary>The queue's number in its device, from 0.</summary>
    public int Index { get; }

    /// <summary>Entries of the ring; 0 before the first start.</summary>
    public int Size { get; private set; }

    /// <summary>Whether the ring is started and sound: chains come, and memory may be written.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>Why the ring is broken, or <see cref="VirtioFault.None"/>. A new start clears it.</summary>
    public VirtioFault Fault { get; private set; }

    /// <summary>
    /// The free-running index of the next chain to take (vhost: last_avail). A transport keeps it when it stops the queue and
    /// hands it back to resume; any other value at the next start means that the guest was reset.
    /// </summary>
    public ushort NextAvailable { get; private set; }

    /// <summary>Bad chains given back since the queue was made.</summary>
    public long RejectedChains { get; private set; }

    /// <summary>What was wrong with the last one of them.</summary>
    public ChainFault LastRejection { get; private set; }

    /// <summary>Starts the ring where the driver put it; used entries go on where the ring's own index stands.</summary>
    /// <param name="guestMemory">The table that descriptors and rings lie in; must outlive the run or be replaced by <see cref="Relocate"/>.</param>
    /// <param name="ring">Size and addresses.</param>
    /// <param name="features">What was negotiated; of it <see cref="VirtioFeatures.Ring"/> matters here.</param>
    /// <param name="nextAvailable">Index of the first chain to take: 0 for a fresh ring, <see cref="NextAvailable"/> to resume.</param>
    /// <param name="interrupt">Where the driver is notified.</param>
    /// <exception cref="VirtioException">
    /// <see cref="VirtioFault.RingSize"/>, <see cref="VirtioFault.RingOutsideMemory"/> or
    /// <see cref="VirtioFault.RingAlignment"/>; the queue stays stopped.
    /// </exception>
    /// <exception cref="InvalidOperationException">The queue runs.</exception>
    public void Start(GuestMemory guestMemory, in VirtqueueLayout ring, ulong features, ushort nextAvailable, IVirtqueueNotifier interrupt)
    {
        if (IsRunning)
        {
            throw new InvalidOperationException("The queue runs already.");
        }

        if (ring.Size < 1 || ring.Size > _maxSize || !BitOperations.IsPow2(ring.Size))
        {
            throw new VirtioException(VirtioFault.RingSize,
                $"Queue {Index} of {ring.Size} entries; a power of two up to {_maxSize} is possible.");
        }

        _eventIndex = (features & VirtioFeatures.EventIndex) != 0;
        _indirectDescriptors = (features & VirtioFeatures.IndirectDescriptors) != 0;
        _layout = ring;
        Locate(guestMemory);
        Size = ring.Size;
        _notifier = interrupt;
        NextAvailable = _availableSeen = nextAvailable;
        _nextUsed = _publishedUsed = Volatile.Read(ref *(ushort*)(_used + IndexOffset));
        _interruptWanted = true;
        _returnable = 0;
        if (_segments.Length < Size + GuestMemory.MaxRegions)
        {
            _segments = new GuestSegment[Size + GuestMemory.MaxRegions];
        }

        Fault = VirtioFault.None;
        IsRunning = true;
    }

    /// <summary>
    /// Moves a running ring to a new table of the same guest; the old one may be disposed then. A ring that does not lie in the
    /// new one is broken.
    /// </summary>
    /// <param name="guestMemory">The new table.</param>
    public void Relocate(GuestMemory guestMemory)
    {
        if (!IsRunning)
        {
            return;
        }

        try
        {
            Locate(guestMemory);
        }
        catch (VirtioException exception)
        {
            Break(exception.Fault);
        }
    }

    /// <summary>Publishes what is used, then lets go of guest memory: from here on it is neither read nor written.</summary>
    public void Stop()
    {
        Publish();
        IsRunning = false;
        _memory = null;
        _descriptors = _available = _used = null;
        _returnable = 0;
    }

    /// <summary>Forgets what the driver is owed, after the guest was reset.</summary>
    /// <exception cref="InvalidOperationException">The queue runs.</exception>
    public void Reset()
    {
        if (IsRunning)
        {
            throw new InvalidOperationException("The queue runs.");
        }

        _outstanding = 0;
        NextAvailable = 0;
        Fault = VirtioFault.None;
    }

    /// <summary>
    /// Finds the three parts (virtio 1.3, 2.7): 16n; 6 + 2n; 6 + 8n bytes, of which the last 2 of each ring are the event
    /// index and need not be there without it.
    /// </summary>
    void Locate(GuestMemory guestMemory)
    {
        var size = (ulong)_layout.Size;
        var eventSize = _eventIndex ? 2UL : 0;
        var descriptorTable = Locate(guestMemory, _layout.Descriptors, size * VirtqueueDescriptor.ByteSize, 16);
        var availableRing = Locate(guestMemory, _layout.Available, RingOffset + size * sizeof(ushort) + eventSize, 2);
        var usedRing = Locate(guestMemory, _layout.Used, RingOffset + size * UsedEntrySize + eventSize, 4);
        _memory = guestMemory;
        _descriptors = descriptorTable;
        _available = availableRing;
        _used = usedRing;
    }

    byte* Locate(GuestMemory guestMemory, ulong address, ulong length, uint alignment)
    {
        byte* pointer;
        var found = _layout.AddressSpace == RingAddressSpace.User
            ? guestMemory.TryTranslateUser(address, length, out pointer)
            : guestMemory.TryTranslate(address, length, out pointer);
        if (!found)
        {
            throw new VirtioException(VirtioFault.RingOutsideMemory,
                $"Queue {Index}: 0x{length:x} bytes of ring at 0x{address:x} are not guest memory.");
        }

        // Where the bytes lie in this process decides whether an index can be read and written in one piece.
        if ((nuint)pointer % alignment != 0)
        {
            throw new VirtioException(VirtioFault.RingAlignment,
                $"Queue {Index}: a part of the ring at 0x{address:x} is not aligned to {alignment}.");
        }

        return pointer;
    }

    void Break(VirtioFault fault)
    {
        Publish();
        Fault = fault;
        IsRunning = false;
        _notifier!.NotifyBroken();
    }
}
