using System.Net;
using System.Net.Sockets;

namespace NitroEnclaves.Proxy.Tests;

/// <summary>One connection out of several addresses.</summary>
public sealed class HappyEyeballsTests : IDisposable
{
    static readonly IPEndPoint s_first = new(IPAddress.IPv6Loopback, 1);
    static readonly IPEndPoint s_second = new(IPAddress.Loopback, 2);
    static readonly CancellationToken s_ended = TestContext.Current.CancellationToken;

    readonly Socket _connection = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    readonly List<IPEndPoint> _tried = [];

    public void Dispose() => _connection.Dispose();

    [Fact]
    public async Task An_address_that_says_nothing_holds_the_next_up_for_a_moment_and_is_given_up_then()
    {
        var givenUp = new TaskCompletionSource();
        Assert.Same(_connection, await ConnectAsync(async (address, token) =>
        {
            if (address.Equals(s_first))
            {
                await using var registration = token.Register(givenUp.SetResult);
                await Task.Delay(Timeout.Infinite, token);
            }

            return _connection;
        }));
        await givenUp.Task.WaitAsync(s_ended);
    }

    [Fact]
    public async Task The_first_address_is_the_one_where_it_answers_after_the_second_was_tried()
    {
        using var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var secondIsTried = new TaskCompletionSource();
        var first = new TaskCompletionSource<Socket?>();
        var second = new TaskCompletionSource<Socket?>();
        var connecting = ConnectAsync((address, _) =>
        {
            if (address.Equals(s_second))
            {
                secondIsTried.SetResult();
            }

            return address.Equals(s_first) ? first.Task : second.Task;
        });
        await secondIsTried.Task.WaitAsync(s_ended);
        first.SetResult(_connection);
        Assert.Same(_connection, await connecting);

        // What comes about after all is closed.
        second.SetResult(late);
        while (!late.SafeHandle.IsClosed)
        {
            await Task.Delay(1, s_ended);
        }

        Assert.False(_connection.SafeHandle.IsClosed);
    }

    [Fact]
    public async Task After_a_refusal_comes_the_next_address()
    {
        Assert.Same(_connection, await ConnectAsync((address, _) => Task.FromResult(address.Equals(s_first) ? null : _connection)));
        Assert.Equal([s_first, s_second], _tried);
    }

    [Fact]
    public async Task No_address_is_tried_after_one_has_answered()
    {
        Assert.Same(_connection, await ConnectAsync((_, _) => Task.FromResult<Socket?>(_connection)));
        Assert.Equal([s_first], _tried);
    }

    [Fact]
    public async Task Where_all_refuse_there_is_none()
    {
        Assert.Null(await ConnectAsync((_, _) => Task.FromResult<Socket?>(null)));
        Assert.Equal([s_first, s_second], _tried);
        Assert.Null(await HappyEyeballs.ConnectAsync([], (_, _) => Task.FromResult<Socket?>(_connection), s_ended));
    }

    [Fact]
    public async Task It_is_given_up_when_it_is_cancelled()
    {
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => HappyEyeballs.ConnectAsync(
            [s_first, s_second],
            async (address, token) =>
            {
                if (address.Equals(s_second))
                {
                    await stop.CancelAsync();
                }

                await Task.Delay(Timeout.Infinite, token);
                return null;
            },
            stop.Token));
    }

    Task<Socket?> ConnectAsync(Func<IPEndPoint, CancellationToken, Task<Socket?>> connect) => HappyEyeballs.ConnectAsync(
        [s_first, s_second],
        (address, token) =>
        {
            _tried.Add(address);
            return connect(address, token);
        },
        s_ended);
}
