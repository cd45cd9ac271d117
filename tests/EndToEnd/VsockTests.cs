using System.Runtime.InteropServices;
using System.Text;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The vsock device against Linux's own driver in a guest.</summary>
public sealed class VsockTests(VsockGuest guest) : VsockTestsOfAnyEngine(guest), IClassFixture<VsockGuest>;

/// <summary>The process engine's sockets, from the same program.</summary>
public sealed class ProcessVsockTests(ProcessVsockGuest guest) : VsockTestsOfAnyEngine(guest), IClassFixture<ProcessVsockGuest>;

/// <summary>What the sockets of an enclave do, whatever runs it.</summary>
public abstract class VsockTestsOfAnyEngine(VsockGuest guest)
{
    const int Length = 64 << 20;
    const int WriteLength = 1 << 20;
    const int ConnectionReset = 104;

    // Linux gives a connection attempt that nobody answers two seconds.
    const ulong DriverPatience = 2_000_000;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 180_000)]
    public async Task Sixty_four_MiB_reach_the_guest_and_the_answer_comes_after_our_end()
    {
        await using var connection = await guest.OrderAsync('s');
        var words = new ulong[WriteLength / sizeof(ulong)];
        var (state, hash) = (1UL, WordHash.Start);
        for (var sent = 0; sent < Length; sent += WriteLength)
        {
            WordHash.Generate(words, ref state);
            hash = WordHash.Add(hash, words);
            await connection.Stream.WriteAsync(MemoryMarshal.AsBytes(words.AsSpan()).ToArray(), Cancellation);
        }

        connection.CompleteWrites();
        Assert.Equal(((ulong)Length, hash), await VsockGuest.AnswerAsync(connection));
        Assert.Equal(0, await connection.Stream.ReadAsync(new byte[1], Cancellation));
    }

    [Fact(Timeout = 180_000)]
    public async Task Sixty_four_MiB_come_from_the_guest_and_we_may_speak_after_its_end()
    {
        await using var connection = await guest.OrderAsync('g', count: Length);
        var buffer = new byte[WriteLength];
        var (state, total) = (1UL, 0);
        var expected = new ulong[WriteLength / sizeof(ulong)];
        for (int read; (read = await connection.Stream.ReadAtLeastAsync(buffer, WriteLength, throwOnEndOfStream: false, Cancellation)) > 0; total += read)
        {
            Assert.Equal(WriteLength, read);
            WordHash.Generate(expected, ref state);
            Assert.True(MemoryMarshal.AsBytes(expected.AsSpan()).SequenceEqual(buffer), $"The MiB at {total} differs.");
        }

        Assert.Equal(Length, total);
        await connection.Stream.WriteAsync(Encoding.ASCII.GetBytes("goodbye"), Cancellation);
        connection.CompleteWrites();
    }

    [Fact(Timeout = 180_000)]
    public async Task A_guest_port_where_nobody_listens_refuses()
    {
        var connector = new VsockConnector(guest.Host.VsockOptions);
        var cid = guest.Enclave.Info.EnclaveCid;
        // One answer first: the guest is up and its driver bound.
        await using (var connection = await guest.OrderAsync('s'))
        {
            connection.CompleteWrites();
            Assert.Equal(0UL, (await VsockGuest.AnswerAsync(connection)).First);
        }

        var refusal = await Assert.ThrowsAsync<VsockException>(() => connector.ConnectAsync(cid, 4999, Cancellation).AsTask());
        Assert.Equal(VsockError.ConnectionRefused, refusal.Error);
    }

    [Fact(Timeout = 180_000)]
    public async Task A_parent_port_where_nobody_listens_resets_at_once()
    {
        await using var connection = await guest.OrderAsync('d', port: 7999);
        var (error, microseconds) = await VsockGuest.AnswerAsync(connection);
        Assert.Equal(ConnectionReset, (int)error);
        Assert.True(microseconds < DriverPatience, "The driver gave up waiting; nobody refused.");
    }

    [Fact(Timeout = 180_000)]
    public async Task Two_hundred_connections_come_from_the_guest_one_after_the_other()
    {
        const uint Port = 7000;
        const int Count = 200;
        await using var listener = VsockListener.Listen(Port, guest.Host.VsockOptions);
        var serving = ServeAsync(listener, Count);
        await using var connection = await guest.OrderAsync('m', Port, Count);
        Assert.Equal((ulong)Count, (await VsockGuest.AnswerAsync(connection)).First);
        await serving;
    }

    [Fact(Timeout = 180_000)]
    public async Task Two_hundred_connections_go_to_the_guest_twenty_at_a_time()
    {
        for (var round = 0; round < 10; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 20).Select(async index =>
            {
                await using var connection = await guest.OrderAsync('s');
                var words = new[] { (ulong)index, ulong.MaxValue };
                await connection.Stream.WriteAsync(MemoryMarshal.AsBytes(words.AsSpan()).ToArray(), Cancellation);
                connection.CompleteWrites();
                Assert.Equal((16UL, WordHash.Add(WordHash.Start, words)), await VsockGuest.AnswerAsync(connection));
            }));
        }
    }

    static async Task ServeAsync(VsockListener listener, int count)
    {
        var question = new byte[sizeof(uint)];
        for (var served = 0; served < count; served++)
        {
            await using var connection = await listener.AcceptAsync(Cancellation);
            await connection.Stream.ReadExactlyAsync(question, Cancellation);
            await connection.Stream.WriteAsync(question, Cancellation);
            // Theirs is the first end.
            Assert.Equal(0, await connection.Stream.ReadAsync(new byte[1], Cancellation));
        }
    }
}
