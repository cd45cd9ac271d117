using System.Text;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// What an enclave has printed, from its beginning: the first part and the last part are kept, what lies between is given up once both
/// are full. One writer appends; any number of readers follow at their own speed and never hold the writer up.
/// </summary>
sealed class ConsoleLog
{
    /// <summary>How much of the beginning is kept, in bytes: a boot's output fits many times.</summary>
    public const int HeadCapacity = 256 * 1024;

    /// <summary>How much of the end is kept, in bytes.</summary>
    public const int TailCapacity = 1024 * 1024;

    readonly Lock _lock = new();
    readonly TaskCompletionSource _followed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    byte[] _head = [];
    byte[] _tail = [];
    TaskCompletionSource? _waiting;
    long _length;
    bool _complete;

    /// <summary>Completes when somebody has begun to follow the console.</summary>
    public Task Followed => _followed.Task;

    /// <summary>How much was printed so far, in bytes.</summary>
    public long Length
    {
        get
        {
            lock (_lock)
            {
                return _length;
            }
        }
    }

    /// <summary>Adds output.</summary>
    public void Append(ReadOnlySpan<byte> output)
    {
        lock (_lock)
        {
            if (_complete)
            {
                return;
            }

            var intoHead = output[..(int)long.Clamp(HeadCapacity - _length, 0, output.Length)];
            AppendToHead(intoHead);
            _length += intoHead.Length;
            AppendToTail(output[intoHead.Length..]);
            Wake();
        }
    }

    /// <summary>Says that somebody reads the console from its beginning to its end.</summary>
    public void Follow() => _followed.TrySetResult();

    /// <summary>Says that nothing more will come; readers end when they have read what there is.</summary>
    public void Complete()
    {
        lock (_lock)
        {
            _complete = true;
            Wake();
        }
    }

    /// <summary>
    /// Copies output from a position on, and moves the position past it. Where the output there is no longer kept, the position moves
    /// to the oldest that is, and <paramref name="skipped"/> says by how much.
    /// </summary>
    /// <returns>The number of bytes copied; 0 when there is nothing at the position yet.</returns>
    public int Read(ref long position, Span<byte> destination, out long skipped)
    {
        lock (_lock)
        {
            skipped = 0;
            var oldestInTail = long.Max(HeadCapacity, _length - TailCapacity);
            if (position >= HeadCapacity && position < oldestInTail)
            {
                skipped = oldestInTail - position;
                position = oldestInTail;
            }

            var count = position < HeadCapacity
                ? CopyFromHead((int)position, destination)
                : CopyFromTail(position, destination);
            position += count;
            return count;
        }
    }

    /// <summary>Waits until there is output at a position; false when there will be none because the console is complete.</summary>
    public async ValueTask<bool> WaitAsync(long position, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task change;
            lock (_lock)
            {
                if (position < _length || _complete)
                {
                    return position < _length;
                }

                change = (_waiting ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            await change.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The last whole lines of the output, without control characters: fit to be shown in an error message.</summary>
    /// <param name="maximumBytes">How far back to go.</param>
    public string TailText(int maximumBytes = 4096)
    {
        var bytes = new byte[maximumBytes];
        int count;
        lock (_lock)
        {
            var position = long.Max(0, _length - maximumBytes);
            count = Read(ref position, bytes, out _);
            count += Read(ref position, bytes.AsSpan(count), out _);
        }

        var text = new StringBuilder(count);
        // What does not begin with the output begins after the first line feed: a whole line, and a whole character.
        var begin = count == maximumBytes ? bytes.AsSpan(0, count).IndexOf((byte)'\n') + 1 : 0;
        foreach (var rune in Encoding.UTF8.GetString(bytes.AsSpan(begin, count - begin)).EnumerateRunes())
        {
            if (rune.Value == '\n' || !Rune.IsControl(rune))
            {
                text.Append(rune.ToString());
            }
        }

        return text.ToString().Trim('\n');
    }

    void AppendToHead(ReadOnlySpan<byte> output)
    {
        var end = (int)_length + output.Length;
        if (!output.IsEmpty && end > _head.Length)
        {
            Array.Resize(ref _head, int.Min(HeadCapacity, int.Max(4096, 2 * end)));
        }

        output.CopyTo(_head.AsSpan(int.Min((int)long.Min(_length, HeadCapacity), _head.Length)));
    }

    void AppendToTail(ReadOnlySpan<byte> output)
    {
        if (output.Length > TailCapacity)
        {
            _length += output.Length - TailCapacity;
            output = output[^TailCapacity..];
        }

        while (!output.IsEmpty)
        {
            _tail = _tail.Length == 0 ? new byte[TailCapacity] : _tail;
            var offset = (int)((_length - HeadCapacity) % TailCapacity);
            var part = output[..int.Min(output.Length, TailCapacity - offset)];
            part.CopyTo(_tail.AsSpan(offset));
            _length += part.Length;
            output = output[part.Length..];
        }
    }

    int CopyFromHead(int position, Span<byte> destination)
    {
        var count = int.Min(destination.Length, (int)long.Min(_length, HeadCapacity) - position);
        _head.AsSpan(position, count).CopyTo(destination);
        return count;
    }

    int CopyFromTail(long position, Span<byte> destination)
    {
        var offset = (int)((position - HeadCapacity) % TailCapacity);
        var count = (int)long.Min(int.Min(destination.Length, TailCapacity - offset), _length - position);
        _tail.AsSpan(_tail.Length == 0 ? 0 : offset, count).CopyTo(destination);
        return count;
    }

    void Wake()
    {
        _waiting?.SetResult();
        _waiting = null;
    }
}
