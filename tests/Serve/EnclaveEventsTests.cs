namespace NitroEnclaves.Serve.Tests;

/// <summary>Who hears of which events, also after he was away or slow.</summary>
public sealed class EnclaveEventsTests
{
    readonly EnclaveEvents _events = new();

    static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_listener_hears_what_comes_and_one_who_was_away_what_he_missed()
    {
        Publish(3);
        var listening = Take(2, after: null);
        Publish(2);
        Assert.Equal([4, 5], await listening);
        Assert.Equal([2, 3, 4, 5], await Take(4, after: 1));
    }

    [Fact]
    public async Task The_last_256_events_are_kept()
    {
        Publish(300);
        Assert.Equal(Enumerable.Range(45, 256).Select(number => (long)number), await Take(256, after: 0));
    }

    [Fact]
    public async Task A_slow_listener_loses_the_oldest_and_holds_nobody_up()
    {
        await using var slow = _events.ListenAsync(null, Token).GetAsyncEnumerator(Token);
        var first = slow.MoveNextAsync();
        Publish(1);
        Assert.True(await first);
        Assert.Equal(1, slow.Current.Number);
        Publish(999);
        Assert.True(await slow.MoveNextAsync());
        Assert.Equal(1000 - 511, slow.Current.Number);
    }

    void Publish(int count)
    {
        for (var number = 0; number < count; number++)
        {
            _events.Publish("started", DateTimeOffset.UnixEpoch, "i-1-enc1", "name");
        }
    }

    // Listens from the call on: the first step runs until there is something to wait for.
    Task<List<long>> Take(int count, long? after)
    {
        return Read(_events.ListenAsync(after, Token).GetAsyncEnumerator(Token), count);

        static async Task<List<long>> Read(IAsyncEnumerator<EnclaveEvent> listener, int count)
        {
            var numbers = new List<long>();
            while (numbers.Count < count && await listener.MoveNextAsync())
            {
                numbers.Add(listener.Current.Number);
            }

            await listener.DisposeAsync();
            return numbers;
        }
    }
}
