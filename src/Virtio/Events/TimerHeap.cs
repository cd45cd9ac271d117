namespace NitroEnclaves.Virtio;

/// <summary>Timers by deadline, a binary heap whose members know their places, so that any of them can be taken out.</summary>
sealed class TimerHeap
{
    LoopTimer[] timers = new LoopTimer[16];
    int count;

    internal LoopTimer? First => count == 0 ? null : timers[0];

    internal void Add(LoopTimer timer)
    {
        if (count == timers.Length)
        {
            Array.Resize(ref timers, count * 2);
        }

        Place(timer, count++);
        MoveUp(timer);
    }

    internal void Remove(LoopTimer timer)
    {
        var index = timer.HeapIndex;
        timer.HeapIndex = -1;
        var last = timers[--count];
        timers[count] = null!;
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
            var parent = timers[(index - 1) / 2];
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
        for (var index = timer.HeapIndex; index * 2 + 1 < count;)
        {
            var below = index * 2 + 1;
            if (below + 1 < count && timers[below + 1].Deadline < timers[below].Deadline)
            {
                below++;
            }

            var child = timers[below];
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
        timers[index] = timer;
        timer.HeapIndex = index;
    }
}
