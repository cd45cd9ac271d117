namespace NitroEnclaves.Nsm.Tests;

/// <summary>The asynchronous forms: a thread of their own, a bounded queue, waits that can be abandoned.</summary>
public sealed class NsmClientAsyncTests
{
    static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_request_gives_what_its_synchronous_form_gives()
    {
        var signer = new RecordingSigner();
        using var client = new NsmClient(TestModule.Create(signer));
        Assert.Equal(TestModule.ModuleId, (await client.DescribeNsmAsync(Test)).ModuleId);
        Assert.Equal(Enumerable.Range(0, 300).Select(i => (byte)i), await client.GetRandomAsync(300, Test));
        var expected = PcrValue.Zero.Extend([1, 2, 3]);
        Assert.Equal(expected, await client.ExtendPcrAsync(16, [1, 2, 3], Test));
        await client.LockPcrAsync(16, Test);
        Assert.Equal(new PcrDescription(expected, true), await client.DescribePcrAsync(16, Test));
        await client.LockPcrsAsync(32, Test);
        Assert.Equal(32, client.DescribeNsm().LockedPcrs.Length);
        Assert.Equal(signer.Document, await client.GetAttestationDocumentAsync(nonce: [9], cancellationToken: Test));
        Assert.Equal<byte[]>([9], Assert.Single(signer.Contents).Nonce);
    }

    [Fact]
    public async Task Failures_come_back_to_their_caller_and_the_next_request_is_served()
    {
        using var client = new NsmClient(TestModule.Create());
        Assert.Equal(NsmErrorCode.InvalidIndex, (await Assert.ThrowsAsync<NsmException>(() => client.DescribePcrAsync(32, Test))).Code);
        Assert.Equal(NsmErrorCode.ReadOnlyIndex, (await Assert.ThrowsAsync<NsmException>(() => client.LockPcrAsync(0, Test))).Code);
        Assert.True((await client.DescribePcrAsync(0, Test)).IsLocked);
        using var broken = new NsmClient(new ScriptedTransport(_ => throw new IOException("gone")));
        Assert.Equal("gone", (await Assert.ThrowsAsync<IOException>(() => broken.DescribeNsmAsync(Test))).Message);
        Assert.Equal("gone", (await Assert.ThrowsAsync<IOException>(() => broken.DescribeNsmAsync(Test))).Message);
    }

    [Fact]
    public async Task Requests_are_carried_out_one_by_one_in_order()
    {
        using var client = new NsmClient(TestModule.Create());
        var extensions = Enumerable.Range(0, 50).Select(i => client.ExtendPcrAsync(16, [(byte)i], Test)).ToArray();
        var values = await Task.WhenAll(extensions);
        var expected = PcrValue.Zero;
        Assert.All(values, (value, i) => Assert.Equal(expected = expected.Extend([(byte)i]), value));
    }

    [Fact]
    public async Task Neither_the_caller_nor_the_thread_pool_is_blocked()
    {
        using var stalled = new StalledTransport();
        using var client = new NsmClient(stalled);
        var request = client.DescribePcrAsync(16, Test);
        await stalled.Entered(Test);
        Assert.False(request.IsCompleted);
        Assert.False(stalled.WasOnThreadPool);
        stalled.Release();
        Assert.False((await request).IsLocked);
    }

    [Fact]
    public async Task Cancelling_abandons_a_request_in_flight_and_its_effect_remains()
    {
        using var stalled = new StalledTransport();
        using var client = new NsmClient(stalled);
        using var cancellation = new CancellationTokenSource();
        var extension = client.ExtendPcrAsync(16, [1], cancellation.Token);
        await stalled.Entered(Test);
        await cancellation.CancelAsync();
        var abandoned = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => extension);
        Assert.Equal(cancellation.Token, abandoned.CancellationToken);

        var next = client.DescribePcrAsync(16, Test);
        stalled.Release();
        Assert.Equal(PcrValue.Zero.Extend([1]), (await next).Value);
    }

    [Fact]
    public async Task Cancelling_takes_a_waiting_request_back_and_frees_its_place()
    {
        using var stalled = new StalledTransport();
        using var client = new NsmClient(stalled, queueLength: 1);
        var first = client.DescribePcrAsync(16, Test);
        await stalled.Entered(Test);
        using var cancellation = new CancellationTokenSource();
        var waiting = client.ExtendPcrAsync(16, [1], cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        var next = client.DescribePcrAsync(16, Test);
        stalled.Release();
        await first;
        Assert.Equal(PcrValue.Zero, (await next).Value);
        Assert.Equal(2, stalled.Calls);
    }

    [Fact]
    public async Task The_queue_is_bounded()
    {
        using var stalled = new StalledTransport();
        using var client = new NsmClient(stalled, queueLength: 3);
        var inFlight = client.DescribePcrAsync(16, Test);
        await stalled.Entered(Test);
        var waiting = Enumerable.Range(0, 3).Select(_ => client.DescribePcrAsync(16, Test)).ToArray();
        var refused = await Assert.ThrowsAsync<NsmException>(() => client.DescribePcrAsync(16, Test));
        Assert.Equal(NsmErrorCode.QueueFull, refused.Code);
        stalled.Release();
        await inFlight;
        await Task.WhenAll(waiting);
        Assert.Equal(4, stalled.Calls);
    }

    [Fact]
    public async Task A_token_cancelled_before_sends_nothing()
    {
        var transport = new ScriptedTransport("");
        using var client = new NsmClient(transport);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.DescribeNsmAsync(new CancellationToken(canceled: true)));
        Assert.Empty(transport.Requests);
    }

    [Fact]
    public async Task Disposing_fails_requests_in_flight_and_waiting()
    {
        using var stalled = new StalledTransport();
        var client = new NsmClient(stalled, leaveOpen: true);
        var requests = Enumerable.Range(0, 5).Select(_ => client.DescribePcrAsync(16, Test)).ToArray();
        await stalled.Entered(Test);
        client.Dispose();
        client.Dispose();
        foreach (var request in requests)
        {
            await Assert.ThrowsAsync<ObjectDisposedException>(() => request);
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.DescribePcrAsync(16, Test));
        stalled.Release();
    }

    [Fact]
    public async Task Arguments_are_checked_and_copied_before_the_call_returns()
    {
        using var stalled = new StalledTransport();
        using var client = new NsmClient(stalled);
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = client.DescribePcrAsync(-1, Test); });
        Assert.Throws<NsmException>(() => { _ = client.ExtendPcrAsync(16, new byte[4096], Test); });
        var data = new byte[] { 1 };
        var extension = client.ExtendPcrAsync(16, data, Test);
        data[0] = 2;
        stalled.Release();
        Assert.Equal(PcrValue.Zero.Extend([1]), await extension);
    }
}
