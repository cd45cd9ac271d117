using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class DescriptorPollTests
{
    // On x86-64.
    const nint SYS_gettid = 186;
    const nint SYS_tkill = 200;
    const int SIGWINCH = 28;
    const int Signals = 20;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task A_signal_does_not_end_the_wait()
    {
        // With a handler, as the runtime has for signals of its own: without one the kernel would not wake anybody.
        using var handler = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, static _ => { });
        using var pair = SocketPair.Create();
        using var ours = pair.TakeStream();
        var thread = new TaskCompletionSource<nint>(TaskCreationOptions.RunContinuationsAsynchronously);
        var waiting = Task.Factory.StartNew(
            () =>
            {
                thread.SetResult(Interop.syscall(SYS_gettid, 0, 0));
                return DescriptorPoll.Await(pair.Theirs, Interop.POLLIN, TimeSpan.FromMinutes(5));
            },
            Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        for (var sent = 0; sent < Signals; sent++)
        {
            Assert.Equal(0, Interop.syscall(SYS_tkill, await thread.Task, SIGWINCH));
            await Task.Delay(10, Cancellation);
        }

        Assert.False(waiting.IsCompleted);
        ours.WriteByte(1);
        Assert.True(await waiting);
        Assert.True(DescriptorPoll.Await(pair.Theirs, Interop.POLLIN, TimeSpan.Zero));
    }

    [Fact]
    public void Who_only_looks_does_not_wait()
    {
        using var pair = SocketPair.Create();
        Assert.False(DescriptorPoll.Await(pair.Theirs, Interop.POLLIN, TimeSpan.Zero));
        pair.Ours.Dispose();
        Assert.True(DescriptorPoll.Await(pair.Theirs, Interop.POLLIN, TimeSpan.Zero));
    }
}
