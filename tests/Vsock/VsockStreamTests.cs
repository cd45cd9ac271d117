using System.Net.Sockets;
using System.Security.Cryptography;
using NitroEnclaves.Tests;

namespace NitroEnclaves.Vsock.Tests;

public sealed class VsockStreamTests : IDisposable
{
    static readonly CancellationToken Ended = TestContext.Current.CancellationToken;
    readonly EmulatedEnclave _enclave = new();

    public void Dispose() => _enclave.Dispose();

    async Task<(VsockConnection Here, Socket There)> PairAsync(VsockOptions? options = null)
    {
        await using var listener = VsockListener.Listen(8000, options ?? _enclave.Options);
        var there = await _enclave.DialListenerAsync(8000);
        return (await listener.AcceptAsync(Ended), there);
    }

    [Fact]
    public async Task Carries_every_byte_both_ways()
    {
        var (here, there) = await PairAsync();
        var data = new byte[5_000_000];
        new Random(1).NextBytes(data);
        using var stream = new NetworkStream(there, ownsSocket: true);
        var echo = Task.Run(async () =>
        {
            var buffer = new byte[70_001];
            for (int read; (read = await stream.ReadAsync(buffer, Ended)) > 0;)
            {
                await stream.WriteAsync(buffer.AsMemory(0, read), Ended);
            }

            there.Shutdown(SocketShutdown.Send);
        }, Ended);

        var writing = Task.Run(async () =>
        {
            await here.Stream.WriteAsync(data, Ended);
            here.CompleteWrites();
        }, Ended);
        var hash = await SHA256.HashDataAsync(here.Stream, Ended);
        await writing;
        await echo;
        here.Dispose();

        Assert.Equal(SHA256.HashData(data), hash);
    }

    [Fact]
    public async Task A_read_times_out_and_the_connection_lives_on()
    {
        var (here, there) = await PairAsync(_enclave.Options with { ReadTimeout = TimeSpan.FromMilliseconds(40) });
        var buffer = new byte[4];
        for (var round = 0; round < 2; round++)
        {
            var exception = await Assert.ThrowsAsync<VsockException>(async () => await here.Stream.ReadAsync(buffer, Ended));
            Assert.Equal(VsockError.TimedOut, exception.Error);
        }

        Assert.Equal(VsockError.TimedOut, Assert.Throws<VsockException>(() => here.Stream.Read(buffer)).Error);
        Assert.Equal(40, here.Stream.ReadTimeout);
        await there.SendAsync(new byte[] { 5 });
        Assert.Equal(1, await here.Stream.ReadAsync(buffer, Ended));
        there.Dispose();
        here.Dispose();
    }

    [Fact]
    public async Task A_write_to_a_peer_that_takes_nothing_times_out()
    {
        var (here, there) = await PairAsync(_enclave.Options with { WriteTimeout = TimeSpan.FromMilliseconds(40) });

        var exception = await Assert.ThrowsAsync<VsockException>(async () => await here.Stream.WriteAsync(new byte[8 << 20], Ended));
        Assert.Equal(VsockError.TimedOut, exception.Error);
        there.Dispose();
        here.Dispose();
    }

    [Fact]
    public async Task A_cancelled_read_takes_no_byte()
    {
        var (here, there) = await PairAsync();
        using var source = new CancellationTokenSource();
        var reading = here.Stream.ReadAsync(new byte[4], source.Token);
        await source.CancelAsync();
        var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await reading);
        Assert.Equal(source.Token, exception.CancellationToken);

        await there.SendAsync(new byte[] { 1, 2, 3 });
        Assert.Equal(3, await here.Stream.ReadAsync(new byte[4], Ended));
        there.Dispose();
        here.Dispose();
    }

    [Fact]
    public async Task A_read_of_no_bytes_waits_for_some()
    {
        var (here, there) = await PairAsync();
        var waiting = here.Stream.ReadAsync(Memory<byte>.Empty, Ended).AsTask();
        await Task.Delay(20, Ended);
        Assert.False(waiting.IsCompleted);

        await there.SendAsync(new byte[] { 1 });
        Assert.Equal(0, await waiting);
        Assert.Equal(1, here.Stream.ReadByte());
        there.Dispose();
        Assert.Equal(0, await here.Stream.ReadAsync(new byte[1], Ended));
        here.Dispose();
    }

    [Fact]
    public async Task Half_close_leaves_the_other_direction_open()
    {
        var (here, there) = await PairAsync();
        here.CompleteWrites();
        Assert.Equal(0, await there.ReceiveAsync(new byte[1]));

        await there.SendAsync(new byte[] { 7 });
        Assert.Equal(7, here.Stream.ReadByte());
        there.Dispose();
        Assert.Equal(-1, here.Stream.ReadByte());
        here.Dispose();
    }

    [Fact]
    public async Task A_reset_is_told_apart_from_an_end()
    {
        var (here, there) = await PairAsync();
        await here.Stream.WriteAsync(new byte[] { 1, 2, 3 }, Ended);
        there.Dispose();

        var exception = await Assert.ThrowsAsync<VsockException>(async () => await here.Stream.ReadAsync(new byte[1], Ended));
        Assert.Equal(VsockError.ConnectionReset, exception.Error);
        here.Dispose();
    }

    [Fact]
    public async Task Reading_and_writing_allocate_nothing()
    {
        var (here, there) = await PairAsync();
        var buffer = new byte[64];

        // Both ends on one thread: each operation completes at once, so that nothing but the stream itself is measured.
        async Task RoundsAsync(int rounds)
        {
            for (var i = 0; i < rounds; i++)
            {
                there.Send(buffer, SocketFlags.None);
                _ = await here.Stream.ReadAsync(buffer, Ended);
                await here.Stream.WriteAsync(buffer, Ended);
                there.Receive(buffer, SocketFlags.None);
            }
        }

        var thread = Environment.CurrentManagedThreadId;
        var readings = new long[6];
        for (var i = 0; i < readings.Length; i++)
        {
            await RoundsAsync(1000);
            readings[i] = GC.GetAllocatedBytesForCurrentThread();
        }

        Assert.Equal(thread, Environment.CurrentManagedThreadId);
        Assert.InRange(AllocationGate.LeastStep(readings), 0, 500);
        there.Dispose();
        here.Dispose();
    }
}
