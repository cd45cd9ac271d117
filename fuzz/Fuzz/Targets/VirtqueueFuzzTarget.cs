using System.Buffers.Binary;
using NitroEnclaves.Nsm;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>
/// Guest memory of any bytes, behind a queue and behind the NSM device. Input: one byte of choices (bits 0-1 the ring's size,
/// 1 to 8; bits 2-3 event index and indirect descriptors; bit 4 the device instead of the bare queue), then memory from address
/// 0, with the descriptors at 0, the available ring at 0x200, the used ring at 0x300.
/// </summary>
sealed unsafe class VirtqueueFuzzTarget : IFuzzTarget, IVirtqueueNotifier, INsmTransport
{
    // Unsafe to compare addresses: whether every segment lies in guest memory is the question here.

    const ulong AvailableRing = 0x200;
    const ulong UsedRing = 0x300;
    const int FirstRegion = 0x1000;
    const int SecondRegion = 0x2000;
    const int Turns = 4;

    readonly GuestMemory _memory;
    readonly NsmVirtioDevice _device;
    bool _isBroken;
    HashCode _outcome;

    public VirtqueueFuzzTarget()
    {
        // Two regions without a border between them in the guest, in the other order in the file.
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, options: FileOptions.DeleteOnClose);
        RandomAccess.SetLength(file, FirstRegion + SecondRegion);
        _memory = GuestMemory.Map(
        [
            new GuestMemoryRegion(0, FirstRegion, 0, SecondRegion, file),
            new GuestMemoryRegion(FirstRegion, SecondRegion, FirstRegion, 0, file),
        ]);
        _device = new NsmVirtioDevice(this);
    }

    public string Name => "virtqueue";

    public int LastOutcome => _outcome.ToHashCode();

    public IEnumerable<byte[]> Seeds
    {
        get
        {
            for (byte choices = 0; choices < 32; choices++)
            {
                // A request, room for the response, and an indirect table of both.
                var input = new byte[1 + 0x400];
                input[0] = choices;
                var memory = input.AsSpan(1);
                Descriptor(memory, 0, 0x800, 8, 0, 0);
                Descriptor(memory, 1, 0x1000 - 16, 0x300, 2, 0);
                Descriptor(memory, 2, 0x100, 32, 4, 0);
                Descriptor(memory, 16, 0x800, 8, 1, 1);
                Descriptor(memory, 17, 0x1000, 64, 2, 0);
                BinaryPrimitives.WriteUInt16LittleEndian(memory[0x202..], (ushort)(1 << (choices & 3)));
                for (ushort i = 0; i < 8; i++)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(memory[(0x204 + i * 2)..], (ushort)(i % 3));
                }

                yield return input;
            }
        }
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var choices = input[0];
        Fill(input[1..]);
        var size = 1 << (choices & 3);
        var features = ((choices & 4) != 0 ? VirtioFeatures.EventIndex : 0) | ((choices & 8) != 0 ? VirtioFeatures.IndirectDescriptors : 0);
        _isBroken = false;
        _outcome = default;
        var queue = new Virtqueue(0, 8);
        queue.Start(_memory, new VirtqueueLayout(size, 0, AvailableRing, UsedRing, RingAddressSpace.Guest), features, 0, this);
        for (var turn = 0; turn < Turns; turn++)
        {
            if ((choices & 16) != 0)
            {
                _device.QueueNotified(queue);
            }
            else
            {
                TakeTurn(queue);
            }
        }

        _outcome.Add(queue.Fault);
        Require(_isBroken == (queue.Fault != VirtioFault.None), "A broken ring is told once, and only a broken one.");
        queue.Stop();
        _device.Reset();
    }

    public void NotifyUsed() => Require(!_isBroken, "A broken ring interrupts.");

    public void NotifyBroken()
    {
        Require(!_isBroken, "A ring breaks twice.");
        _isBroken = true;
    }

    public int Exchange(ReadOnlySpan<byte> request, Span<byte> response)
    {
        Require(request.Length is > 0 and <= NsmLimits.MaxRequestLength + 1, "A request of impossible length.");
        Require(response.Length is > 0 and <= NsmLimits.MaxResponseLength, "A response of impossible length.");
        response.Fill(0xAA);
        return response.Length;
    }

    void TakeTurn(Virtqueue queue)
    {
        queue.DisableNotifications();
        for (var budget = queue.Size; budget > 0 && queue.TryPop(out var chain); budget--)
        {
            Require(Check(chain.Readable) == chain.ReadableLength, "The readable part has another length.");
            Require(Check(chain.Writable) == chain.WritableLength, "The writable part has another length.");
            Require(chain.Head < queue.Size, "A head outside the ring.");
            _outcome.Add((chain.Readable.Length, chain.Writable.Length, queue.LastRejection));
            if (budget % 3 == 0)
            {
                queue.PutBack();
                Require(queue.TryPop(out _) || queue.Fault != VirtioFault.None || queue.LastRejection != ChainFault.None, "What was put back is gone.");
            }

            if (queue.Returnable > 0)
            {
                queue.AddUsed(chain.Head, (uint)chain.WritableLength);
            }
        }

        _outcome.Add(queue.LastRejection);
        queue.Publish();
        queue.EnableNotifications();
    }

    int Check(ReadOnlySpan<GuestSegment> segments)
    {
        var length = 0;
        foreach (ref readonly var segment in segments)
        {
            Require(segment.Length > 0, "An empty segment.");
            Require(IsInside(segment, 0, FirstRegion) || IsInside(segment, FirstRegion, SecondRegion), "A segment outside guest memory.");
            length += segment.Length;
        }

        return length;
    }

    bool IsInside(in GuestSegment segment, ulong address, int size) =>
        _memory.TryTranslate(address, 1, out var start) && segment.Address >= start && segment.Address + segment.Length <= start + size;

    void Fill(ReadOnlySpan<byte> bytes)
    {
        Copy(ref bytes, 0, FirstRegion);
        Copy(ref bytes, FirstRegion, SecondRegion);
    }

    void Copy(ref ReadOnlySpan<byte> bytes, ulong address, int size)
    {
        Require(_memory.TryGetSpan(address, size, out var region), "The memory is gone.");
        var count = Math.Min(bytes.Length, size);
        bytes[..count].CopyTo(region);
        region[count..].Clear();
        bytes = bytes[count..];
    }

    static void Descriptor(Span<byte> memory, int index, ulong address, uint length, ushort flags, ushort next)
    {
        var entry = memory.Slice(index * 16, 16);
        BinaryPrimitives.WriteUInt64LittleEndian(entry, address);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[14..], next);
    }

    static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new InvalidOperationException(otherwise);
        }
    }
}
