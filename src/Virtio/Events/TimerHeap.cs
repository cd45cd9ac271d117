namespace NitroEnclaves.Virtio;

/// <summary>Timers by deadline, a binary heap whose members know their places, so that any of them can be taken out.</summary>
sealed class TimerHeap
{
    LoopTimer[] _timers = new LoopTimer[16];
    int _count;

    internal LoopTimer? First => _count == 0 ? null : _timers[0];

    internal void Add(LoopTimer timer)
    {
        if (_count == _timers.Length)
        {
            Array.Resize(ref _timers, _count * 2);
        }

        Place(timer, _count++);
        MoveUp(timer);
    }

    internal void Remove(LoopTimer timer)
    {
        var index = timer.HeapIndex;
        timer.HeapIndex = -1;
        var last = _timers[--_count];
        _timers[_count] = null!;
        if (last != timer)
        {
            Place(last, index);
            MoveUp(last);
            MoveDown(last);
        }
    }

    void MoveUp(LoopTimer timer)
    {
        for (var index = timer.HeapIndex; index > 0;)
        {
            var parent = _timers[(index - 1) / 2];
            if (parent.Deadline <= timer.Deadline)
            {
                break;
            }

            var above = parent.HeapIndex;
            Place(parent, index);
            Place(timer, above);
            index = above;
        }
    }

    void MoveDown(LoopTimer timer)
    {
        for (var index = timer.HeapIndex; index * 2 + 1 < _count;)
        {
            var below = index * 2 + 1;
            if (below + 1 < _count && _timers[below + 1].Deadline < _timers[below].Deadline)
            {
                below++;
            }

            var child = _timers[below];
            if (timer.Deadline <= child.Deadline)
            {
                break;
            }

            Place(child, index);
            Place(timer, below);
            index = below;
        }
    }

    void Place(LoopTimer timer, int index)
    {
        _timers[index] = timer;
        timer.HeapIndex = index;
    }
}
