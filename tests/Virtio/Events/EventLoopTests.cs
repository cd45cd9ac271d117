using NitroEnclaves.Tests;

namespace NitroEnclaves.Virtio.Tests;

public sealed class EventLoopTests
{
    [Fact]
    public async Task Posted_work_runs_in_order_on_the_loops_thread()
    {
        using var loop = EventLoop.Start("test");
        var seen = new List<int>();
        var done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        for (var i = 0; i < 100; i++)
        {
            var number = i;
            loop.Post(() => seen.Add(number));
        }

        loop.Post(() => done.SetResult(loop.IsCurrent));
        Assert.True(await done.Task);
        Assert.Equal(Enumerable.Range(0, 100), seen);
        Assert.False(loop.IsCurrent);
        loop.Stop();
        await loop.Completion;
    }

    [Fact]
    public async Task A_handler_that_throws_ends_the_loop_and_is_told()
    {
        using var loop = EventLoop.Start("test");
        loop.Post(() => throw new InvalidDataException("on purpose"));
        await Assert.ThrowsAsync<InvalidDataException>(() => loop.Completion);
    }

    [Fact]
    public void Timers_run_out_in_order_of_their_deadlines()
    {
        var clock = new ManualTime();
        using var loop = new EventLoop(clock);
        var seen = new List<int>();
        var timers = new LoopTimer[5];
        for (var i = 0; i < timers.Length; i++)
        {
            var number = i;
            timers[i] = loop.CreateTimer(() => seen.Add(number));
        }

        timers[0].Set(TimeSpan.FromSeconds(5));
        timers[1].Set(TimeSpan.FromSeconds(1));
        timers[2].Set(TimeSpan.FromSeconds(3));
        timers[3].Set(TimeSpan.FromSeconds(2));
        timers[4].Set(TimeSpan.FromSeconds(4));
        timers[3].Cancel();
        timers[1].Set(TimeSpan.FromSeconds(6));
        loop.CreateTimer(loop.Stop).Set(TimeSpan.FromSeconds(10));
        clock.Advance(TimeSpan.FromSeconds(20));
        loop.Run();
        Assert.Equal([2, 4, 0, 1], seen);
        Assert.False(timers[3].IsSet);
    }

    [Fact]
    public void Any_timers_run_out_in_order_and_none_twice()
    {
        var random = new Random(11);
        var clock = new ManualTime();
        using var loop = new EventLoop(clock);
        var due = new Dictionary<int, long>();
        var now = 0L;
        var last = 0L;
        var timers = new LoopTimer[200];
        for (var i = 0; i < timers.Length; i++)
        {
            var number = i;
            timers[i] = loop.CreateTimer(() =>
            {
                Assert.True(due.Remove(number, out var deadline));
                Assert.InRange(deadline, last, now);
                last = deadline;
            });
        }

        for (var round = 0; round < 2000; round++)
        {
            var timer = random.Next(timers.Length);
            if (random.Next(4) == 0)
            {
                timers[timer].Cancel();
                due.Remove(timer);
            }
            else
            {
                due[timer] = now + random.Next(0, 500);
                timers[timer].Set(TimeSpan.FromTicks(due[timer] - now));
            }

            var step = random.Next(0, 12);
            now += step;
            clock.Advance(TimeSpan.FromTicks(step));
            last = 0;
            loop.RunOnce();
            Assert.All(due, each => Assert.True(each.Value > now));
            Assert.Equal(due.Count, timers.Count(each => each.IsSet));
        }
    }

    [Fact]
    public void A_timer_of_the_systems_clock_wakes_the_loop()
    {
        using var loop = new EventLoop();
        using var timer = loop.CreateTimer(loop.Stop);
        timer.Set(TimeSpan.FromMilliseconds(5));
        loop.Run();
        Assert.False(timer.IsSet);
        Assert.Throws<ArgumentOutOfRangeException>(() => timer.Set(TimeSpan.FromTicks(-1)));
    }

    [Fact]
    public void Work_that_posts_itself_does_not_keep_descriptors_from_their_turn()
    {
        using var loop = new EventLoop();
        using var signal = new EventSignal();
        var handler = new CountingHandler(signal);
        using var registration = loop.Register(signal.Descriptor, ReadyEvents.Readable, handler);
        signal.Raise();
        Action? again = null;
        again = () => loop.Post(handler.Calls == 0 ? again! : loop.Stop);
        loop.Post(again);
        loop.Run();
        Assert.Equal(1, handler.Calls);
    }

    [Fact]
    public async Task Invoked_work_is_done_when_the_call_returns_wherever_it_runs()
    {
        var idle = new EventLoop();
        var done = 0;
        idle.Invoke(() => done++);
        Assert.Equal(1, done);
        idle.Dispose();

        var loop = EventLoop.Start("test");
        loop.Invoke(() =>
        {
            Assert.True(loop.IsCurrent);
            loop.Invoke(() => done++);
        });
        Assert.Equal(2, done);
        Assert.Throws<InvalidDataException>(() => loop.Invoke(() => throw new InvalidDataException()));
        Assert.False(loop.Completion.IsCompleted);
        loop.Dispose();
        await loop.Completion;
        loop.Invoke(() => done++);
        loop.Post(() => done++);
        Assert.Equal(3, done);
    }

    [Fact]
    public void What_cannot_be_watched_is_refused_and_leaves_nothing_behind()
    {
        using var loop = new EventLoop();
        using var signal = new EventSignal();
        using var folder = new TemporarySocket();
        using var file = File.OpenHandle(folder.Path, FileMode.Create, FileAccess.ReadWrite);
        Assert.Throws<IOException>(() => loop.Register(file, ReadyEvents.Readable, new CountingHandler(signal)));
        file.Dispose();
        Assert.True(file.IsClosed);
        using var registration = loop.Register(signal.Descriptor, ReadyEvents.Readable, new CountingHandler(signal));
        Assert.Throws<IOException>(() => loop.Register(signal.Descriptor, ReadyEvents.Readable, new CountingHandler(signal)));
    }

    [Fact]
    public void Hundreds_of_descriptors_are_served()
    {
        using var loop = new EventLoop();
        var signals = Enumerable.Range(0, 300).Select(_ => new EventSignal()).ToArray();
        var handlers = signals.Select(each => new CountingHandler(each)).ToArray();
        var registrations = signals.Zip(handlers, (signal, handler) => loop.Register(signal.Descriptor, ReadyEvents.Readable, handler)).ToArray();
        for (var round = 0; round < 3; round++)
        {
            foreach (var signal in signals)
            {
                signal.Raise();
            }

            for (var turn = 0; turn < 4; turn++)
            {
                loop.RunOnce();
            }
        }

        Assert.All(handlers, each => Assert.Equal(3, each.Calls));
        Array.ForEach(registrations, each => each.Dispose());
        Array.ForEach(signals, each => each.Dispose());
    }

    [Fact]
    public void A_descriptor_is_watched_until_its_registration_ends()
    {
        using var loop = new EventLoop();
        using var signal = new EventSignal();
        using var other = new EventSignal();
        var handler = new CountingHandler(signal);
        var registration = loop.Register(signal.Descriptor, ReadyEvents.Readable, handler);
        signal.Raise();
        loop.RunOnce();
        Assert.Equal(1, handler.Calls);

        registration.Modify(ReadyEvents.None);
        signal.Raise();
        loop.RunOnce();
        Assert.Equal(1, handler.Calls);

        registration.Modify(ReadyEvents.Readable);
        loop.RunOnce();
        Assert.Equal(2, handler.Calls);

        registration.Dispose();
        registration.Dispose();
        signal.Raise();
        var successor = new CountingHandler(other);
        using (loop.Register(other.Descriptor, ReadyEvents.Readable, successor))
        {
            loop.RunOnce();
        }

        Assert.Equal((2, 0), (handler.Calls, successor.Calls));
        Assert.Throws<ObjectDisposedException>(() => registration.Modify(ReadyEvents.Writable));
    }

    [Fact]
    public void Events_of_a_registration_that_ended_in_the_same_batch_are_dropped()
    {
        using var loop = new EventLoop();
        using var first = new EventSignal();
        using var second = new EventSignal();
        var registrations = new EventRegistration[2];
        var calls = 0;
        var handler = new ActionHandler(() =>
        {
            calls++;
            registrations[0].Dispose();
            registrations[1].Dispose();
        });
        registrations[0] = loop.Register(first.Descriptor, ReadyEvents.Readable, handler);
        registrations[1] = loop.Register(second.Descriptor, ReadyEvents.Readable, handler);
        first.Raise();
        second.Raise();
        loop.RunOnce();
        Assert.Equal(1, calls);
    }

    [Fact]
    public void A_successor_in_the_same_place_does_not_get_its_predecessors_events()
    {
        using var loop = new EventLoop();
        using var first = new EventSignal();
        using var second = new EventSignal();
        using var third = new EventSignal();
        using var fourth = new EventSignal();
        var registrations = new EventRegistration[4];
        var successor = new CountingHandler(third);
        var handler = new ActionHandler(() =>
        {
            registrations[0].Dispose();
            registrations[1].Dispose();
            registrations[2] = loop.Register(third.Descriptor, ReadyEvents.Readable, successor);
            registrations[3] = loop.Register(fourth.Descriptor, ReadyEvents.Readable, successor);
        });
        registrations[0] = loop.Register(first.Descriptor, ReadyEvents.Readable, handler);
        registrations[1] = loop.Register(second.Descriptor, ReadyEvents.Readable, handler);
        first.Raise();
        second.Raise();
        loop.RunOnce();
        Assert.Equal(0, successor.Calls);
        third.Raise();
        loop.RunOnce();
        Assert.Equal(1, successor.Calls);
    }

    [Fact]
    public void A_wake_up_allocates_nothing()
    {
        using var loop = new EventLoop();
        using var signal = new EventSignal();
        var wakeUps = 0;
        var readings = new long[6];
        LoopTimer? timer = null;
        Action again = signal.Raise;
        timer = loop.CreateTimer(() => loop.Post(again));
        var handler = new ActionHandler(() =>
        {
            signal.Lower();
            if (++wakeUps % 1000 == 0)
            {
                readings[wakeUps / 1000 - 1] = GC.GetAllocatedBytesForCurrentThread();
                if (wakeUps == readings.Length * 1000)
                {
                    loop.Stop();
                    return;
                }
            }

            timer.Set(TimeSpan.Zero);
        });
        using var registration = loop.Register(signal.Descriptor, ReadyEvents.Readable, handler);
        signal.Raise();
        loop.Run();
        Assert.Equal(0, AllocationGate.LeastStep(readings));
    }

    [Fact]
    public void The_gate_of_these_tests_notices_one_object_in_each_round()
    {
        object? kept = null;
        Assert.InRange(AllocationGate.Least(() => kept = new object()), 1, 100);
        Assert.NotNull(kept);
    }

    sealed class CountingHandler(EventSignal signal) : IReadyHandler
    {
        public int Calls { get; private set; }

        public void OnReady(ReadyEvents events)
        {
            Calls++;
            signal.Lower();
        }
    }

    sealed class ActionHandler(Action action) : IReadyHandler
    {
        public void OnReady(ReadyEvents events) => action();
    }

    sealed class ManualTime : TimeProvider
    {
        long now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Volatile.Read(ref now);

        public void Advance(TimeSpan by) => Interlocked.Add(ref now, by.Ticks);
    }
}
