using static NitroEnclaves.Nsm.Tests.Hex;

namespace NitroEnclaves.Nsm.Tests;

/// <summary>The client over a software NSM: what each request gives, and how refusals come back.</summary>
public sealed class NsmClientTests : IDisposable
{
    readonly RecordingSigner _signer = new();
    readonly NsmClient _client;

    public NsmClientTests() => _client = new NsmClient(TestModule.Create(_signer));

    public void Dispose() => _client.Dispose();

    [Fact]
    public void DescribeNsm_gives_all_fields()
    {
        var description = _client.DescribeNsm();
        Assert.Equal(new Version(1, 0, 0), description.Version);
        Assert.Equal(TestModule.ModuleId, description.ModuleId);
        Assert.Equal(32, description.MaxPcrs);
        Assert.Equal(Enumerable.Range(0, 16), description.LockedPcrs);
        Assert.Equal(NsmDescription.Sha384, description.Digest);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(256)]
    [InlineData(257)]
    [InlineData(1000)]
    public void GetRandom_fills_what_it_is_given(int count)
    {
        var random = new byte[count];
        _client.GetRandom(random);

        // The module's source counts; each request starts a new 256.
        Assert.Equal(Enumerable.Range(0, count).Select(i => (byte)i), random);
    }

    [Fact]
    public void A_register_is_extended_and_locked()
    {
        var expected = PcrValue.Zero.Extend([1, 2, 3]).Extend([]);
        _client.ExtendPcr(31, [1, 2, 3]);
        Assert.Equal(expected, _client.ExtendPcr(31, []));
        _client.LockPcr(31);
        Assert.Equal(new PcrDescription(expected, true), _client.DescribePcr(31));
        var refusal = Assert.Throws<NsmException>(() => _client.ExtendPcr(31, []));
        Assert.Equal(NsmErrorCode.ReadOnlyIndex, refusal.Code);
        Assert.Equal("ReadOnlyIndex", refusal.ErrorName);
    }

    [Fact]
    public void Registers_that_do_not_exist_are_the_modules_to_refuse()
    {
        Assert.Equal(NsmErrorCode.InvalidIndex, Assert.Throws<NsmException>(() => _client.DescribePcr(32)).Code);
        Assert.Equal(NsmErrorCode.InvalidIndex, Assert.Throws<NsmException>(() => _client.LockPcr(65535)).Code);
        Assert.Equal(NsmErrorCode.InvalidIndex, Assert.Throws<NsmException>(() => _client.LockPcrs(33)).Code);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(65536)]
    public void Numbers_that_no_message_carries_are_the_callers_mistake(int number)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _client.DescribePcr(number));
        Assert.Throws<ArgumentOutOfRangeException>(() => _client.ExtendPcr(number, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => _client.LockPcr(number));
        Assert.Throws<ArgumentOutOfRangeException>(() => _client.LockPcrs(number));
    }

    [Fact]
    public void A_document_comes_into_a_span_or_an_array()
    {
        var document = new byte[NsmLimits.MaxResponseLength];
        Assert.True(_client.TryGetAttestationDocument(new AttestationRequest { Nonce = [1, 2], PublicKey = [] }, document, out var length));
        Assert.Equal(_signer.Document, document[..length]);
        Assert.Equal(_signer.Document, _client.GetAttestationDocument(nonce: [1, 2], publicKey: []));
        Assert.Equal(2, _signer.Contents.Count);
        foreach (var content in _signer.Contents)
        {
            Assert.Null(content.UserData);
            Assert.Equal<byte[]>([1, 2], content.Nonce);
            Assert.Equal<byte[]>([], content.PublicKey);
        }
    }

    [Fact]
    public void A_document_longer_than_its_span_is_not_written()
    {
        Assert.False(_client.TryGetAttestationDocument(default, new byte[_signer.Document.Length - 1], out var length));
        Assert.Equal(0, length);
    }

    [Fact]
    public void A_request_above_4096_bytes_is_not_sent()
    {
        var transport = new ScriptedTransport(Error("InternalError"));
        using var client = new NsmClient(transport);
        var data = new byte[NsmLimits.MaxRequestLength];
        Assert.Equal(NsmErrorCode.InputTooLarge, Assert.Throws<NsmException>(() => client.ExtendPcr(16, data)).Code);
        Assert.Equal(NsmErrorCode.InputTooLarge, Assert.Throws<NsmException>(() => client.GetAttestationDocument(data)).Code);
        Assert.Empty(transport.Requests);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Disposing_closes_the_transport_unless_told_otherwise(bool leaveOpen)
    {
        var transport = new ScriptedTransport("");
        new NsmClient(transport, leaveOpen).Dispose();
        Assert.Equal(!leaveOpen, transport.IsDisposed);
    }
}
