namespace NitroEnclaves.Nsm.Tests;

/// <summary>Configuration measured into a register and locked there.</summary>
public sealed class MeasureAndLockTests : IDisposable
{
    static readonly byte[] Configuration = [.. "{\"listen\": 5000}"u8];

    readonly NsmClient _client = new(TestModule.Create());

    static CancellationToken Test => TestContext.Current.CancellationToken;

    public void Dispose() => _client.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_register_holds_the_predicted_value_and_is_locked(bool asynchronous)
    {
        var value = await Measure(16, Configuration, asynchronous);
        Assert.Equal(PcrValue.OfContent(Configuration), value);
        Assert.Equal(new PcrDescription(value, true), _client.DescribePcr(16));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Repeating_it_is_no_error_and_changes_nothing(bool asynchronous)
    {
        var value = await Measure(16, Configuration, asynchronous);
        Assert.Equal(value, await Measure(16, Configuration, asynchronous));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_interrupted_before_the_lock_is_completed(bool asynchronous)
    {
        _client.ExtendPcr(16, System.Security.Cryptography.SHA384.HashData(Configuration));
        Assert.Equal(PcrValue.OfContent(Configuration), await Measure(16, Configuration, asynchronous));
        Assert.True(_client.DescribePcr(16).IsLocked);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_register_that_someone_else_extended_first_is_refused_and_stays_unlocked(bool asynchronous)
    {
        var other = _client.ExtendPcr(16, [1]);
        await Refuses(16, NsmErrorCode.PcrMismatch, asynchronous);
        Assert.Equal(new PcrDescription(other, false), _client.DescribePcr(16));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_register_that_is_locked_without_the_value_is_refused(bool asynchronous)
    {
        _client.LockPcr(16);
        await Refuses(16, NsmErrorCode.PcrMismatch, asynchronous);
        await Refuses(15, NsmErrorCode.PcrMismatch, asynchronous);
        await Refuses(32, NsmErrorCode.InvalidIndex, asynchronous);
    }

    [Fact]
    public void An_NSM_that_extends_to_something_else_is_found_out()
    {
        var module = TestModule.Create();
        using var client = new NsmClient(new ScriptedTransport(request =>
        {
            // The data's last byte is changed on its way.
            if (request.AsSpan().IndexOf("ExtendPCR"u8) > 0)
            {
                request[^1] ^= 1;
            }

            return module.Exchange(request.AsSpan());
        }));
        Assert.Equal(NsmErrorCode.PcrMismatch, Assert.Throws<NsmException>(() => client.MeasureAndLock(16, Configuration)).Code);
        Assert.False(new NsmClient(module).DescribePcr(16).IsLocked);
    }

    [Fact]
    public void An_NSM_that_only_claims_to_lock_is_found_out()
    {
        var module = TestModule.Create();
        using var client = new NsmClient(new ScriptedTransport(request => request.AsSpan().IndexOf("LockPCR"u8) > 0
            ? NsmVectors.Response("LockPCR")
            : module.Exchange(request.AsSpan())));
        Assert.Equal(NsmErrorCode.PcrMismatch, Assert.Throws<NsmException>(() => client.MeasureAndLock(16, Configuration)).Code);
    }

    async Task<PcrValue> Measure(int index, byte[] content, bool asynchronous) =>
        asynchronous ? await _client.MeasureAndLockAsync(index, content, Test) : _client.MeasureAndLock(index, content);

    async Task Refuses(int index, NsmErrorCode code, bool asynchronous) =>
        Assert.Equal(code, (await Assert.ThrowsAsync<NsmException>(() => Measure(index, Configuration, asynchronous))).Code);
}
