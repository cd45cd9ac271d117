using static NitroEnclaves.Nsm.Tests.Hex;

namespace NitroEnclaves.Nsm.Tests;

/// <summary>What the software NSM does at the edges: as hardware where that is known, else as QEMU's module.</summary>
public sealed class NsmModuleEdgeCaseTests
{
    readonly RecordingSigner _signer = new();
    readonly NsmModule _module;

    public NsmModuleEdgeCaseTests() => _module = TestModule.Create(_signer);

    public static TheoryData<string, string> Malformed => new()
    {
        { "nothing", "" },
        { "a break", "ff" },
        { "reserved bits", "1c" },
        { "a number", "00" },
        { "a cut-off name", "6b446573" },
        { "not UTF-8", "63ff0000" },
        { "a byte string", "49" + Text("GetRandom")[2..] },
        { "a name in chunks", "7f" + Text("GetRandom") + "ff" },
        { "a tagged name", "c1" + Text("GetRandom") },
        { "an unknown name", Text("Reboot") },
        { "another case", Text("getrandom") },
        { "no entry", "a0" },
        { "two entries", "a2" + Text("LockPCR") + Map("index", "10") + Text("LockPCRs") + Map("range", "10") },
        { "two entries of unknown number", "bf" + Text("LockPCR") + Map("index", "10") + Text("LockPCRs") + Map("range", "10") + "ff" },
        { "no end", "bf" + Text("LockPCR") + Map("index", "10") },
        { "an unknown operation", Map("Reboot", "a0") },
        { "a number for a name", "a100" + Map("index", "10") },
        { "text of an operation with arguments", Text("DescribePCR") },
        { "text of Attestation", Text("Attestation") },
        { "map of an operation without arguments", Map("DescribeNSM", "a0") },
        { "null of an operation without arguments", Map("GetRandom", "f6") },
        { "an array for arguments", Map("DescribePCR", "8104") },
        { "no index", Map("DescribePCR", "a0") },
        { "no data", Map("ExtendPCR", Map("index", "10")) },
        { "no index to extend", Map("ExtendPCR", Map("data", "40")) },
        { "no range", Map("LockPCRs", Map("index", "10")) },
        { "an index of text", Map("DescribePCR", Map("index", "6134")) },
        { "a negative index", Map("DescribePCR", Map("index", "20")) },
        { "an index of null", Map("LockPCR", Map("index", "f6")) },
        { "a floating-point index", Map("LockPCR", Map("index", "f94c00")) },
        { "an index above 16 bits", Map("DescribePCR", Map("index", "1a00010000")) },
        { "an index of 64 bits", Map("DescribePCR", Map("index", "1bffffffffffffffff")) },
        { "data of a number", Map("ExtendPCR", "a2" + Text("index") + "10" + Text("data") + "00") },
        { "data of null", Map("ExtendPCR", "a2" + Text("index") + "10" + Text("data") + "f6") },
        { "data longer than the request", Map("ExtendPCR", "a2" + Text("index") + "10" + Text("data") + "5bffffffffffffffff") },
        { "a nonce of a number", Map("Attestation", Map("nonce", "01")) },
        { "a nonce of undefined", Map("Attestation", Map("nonce", "f7")) },
        { "a number for a key", Map("Attestation", "a10140") },
        { "more entries than bytes", Map("Attestation", "bbffffffffffffffff") },
        { "nested without end", Map("Attestation", Map("x", string.Concat(Enumerable.Repeat("81", 4000)))) },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void What_is_no_request_is_an_invalid_operation(string name, string request)
    {
        Assert.NotEmpty(name);
        Assert.Equal(Error("InvalidOperation"), _module.Exchange(request));
        Assert.Empty(_signer.Contents);
    }

    [Theory]
    [InlineData("04")]
    [InlineData("1804")]
    [InlineData("190004")]
    [InlineData("1a00000004")]
    [InlineData("1b0000000000000004")]
    public void An_index_may_have_any_width(string index) =>
        Assert.StartsWith(Map("DescribePCR", "a2"), _module.Exchange(Map("DescribePCR", Map("index", index))), StringComparison.Ordinal);

    [Theory]
    [InlineData("1820")]
    [InlineData("18ff")]
    [InlineData("190100")]
    [InlineData("19ffff")]
    public void There_are_no_registers_above_31(string index)
    {
        Assert.Equal(Error("InvalidIndex"), _module.Exchange(Map("DescribePCR", Map("index", index))));
        Assert.Equal(Error("InvalidIndex"), _module.Exchange(Map("LockPCR", Map("index", index))));
        Assert.Equal(Error("InvalidIndex"), _module.Exchange(Map("ExtendPCR", "a2" + Text("index") + index + Text("data") + "40")));
    }

    [Fact]
    public void A_locked_register_is_read_only()
    {
        Assert.Equal(Error("ReadOnlyIndex"), _module.Exchange(Map("LockPCR", Map("index", "0f"))));
        Assert.Equal(Error("ReadOnlyIndex"), _module.Exchange(Map("ExtendPCR", "a2" + Text("index") + "00" + Text("data") + "40")));
        Assert.Equal(Text("LockPCR"), _module.Exchange(Map("LockPCR", Map("index", "10"))));
        Assert.Equal(Error("ReadOnlyIndex"), _module.Exchange(Map("LockPCR", Map("index", "10"))));
        Assert.Equal(Error("ReadOnlyIndex"), _module.Exchange(Map("ExtendPCR", "a2" + Text("index") + "10" + Text("data") + "4101")));
        Assert.Equal(PcrValue.Zero, new NsmClient(_module).DescribePcr(16).Value);
    }

    [Fact]
    public void All_registers_can_be_locked_twice_but_not_33_of_them()
    {
        Assert.Equal(Text("LockPCRs"), _module.Exchange(Map("LockPCRs", Map("range", "00"))));
        Assert.False(new NsmClient(_module).DescribePcr(16).IsLocked);
        Assert.Equal(Error("InvalidIndex"), _module.Exchange(Map("LockPCRs", Map("range", "1821"))));
        Assert.False(new NsmClient(_module).DescribePcr(16).IsLocked);
        Assert.Equal(Text("LockPCRs"), _module.Exchange(Map("LockPCRs", Map("range", "1820"))));
        Assert.Equal(Text("LockPCRs"), _module.Exchange(Map("LockPCRs", Map("range", "1820"))));
        Assert.Equal(Enumerable.Range(0, 32), new NsmClient(_module).DescribeNsm().LockedPcrs);
    }

    [Fact]
    public void Bytes_after_the_request_are_ignored()
    {
        Assert.Equal(_module.Exchange(Text("DescribeNSM")), _module.Exchange(Text("DescribeNSM") + "ff00"));
        Assert.Equal(Text("LockPCR"), _module.Exchange(Map("LockPCR", Map("index", "10")) + "1c"));
    }

    [Fact]
    public void Maps_may_be_of_unknown_length_and_hold_unknown_keys()
    {
        var request = "bf" + Text("LockPCR") + "bf" + Text("x") + "9f01bf" + Text("index") + "1820ffff" + Text("index") + "10ff" + "ff";
        Assert.Equal(Text("LockPCR"), _module.Exchange(request));
        Assert.True(new NsmClient(_module).DescribePcr(16).IsLocked);
    }

    [Fact]
    public void Text_stands_for_its_bytes()
    {
        var extended = _module.Exchange(Map("ExtendPCR", "a2" + Text("data") + Text("abc") + Text("index") + "10"));
        Assert.Equal(Map("ExtendPCR", Map("data", "5830" + PcrValue.Zero.Extend("abc"u8))), extended);
        _module.Exchange(Map("Attestation", Map("user_data", Text("hello"))));
        Assert.Equal<byte[]>([.. "hello"u8], Assert.Single(_signer.Contents).UserData);
    }

    [Fact]
    public void Of_repeated_keys_the_first_counts_where_there_is_one_argument()
    {
        var twice = "a2" + Text("index") + "10" + Text("index") + "f6";
        Assert.Equal(Text("LockPCR"), _module.Exchange(Map("LockPCR", twice)));
        Assert.Equal(Text("LockPCRs"), _module.Exchange(Map("LockPCRs", "a2" + Text("range") + "12" + Text("range") + "1821")));
        Assert.Equal([.. Enumerable.Range(0, 18)], new NsmClient(_module).DescribeNsm().LockedPcrs);
    }

    [Fact]
    public void Of_repeated_keys_the_last_counts_elsewhere()
    {
        _module.Exchange(Map("ExtendPCR", "a4" + Text("index") + "11" + Text("data") + "4101" + Text("index") + "10" + Text("data") + "4102"));
        Assert.Equal(PcrValue.Zero.Extend([2]), new NsmClient(_module).DescribePcr(16).Value);
        Assert.Equal(PcrValue.Zero, new NsmClient(_module).DescribePcr(17).Value);
        _module.Exchange(Map("Attestation", "a3" + Text("nonce") + "4101" + Text("nonce") + "4102" + Text("user_data") + "f6"));
        Assert.Equal<byte[]>([2], Assert.Single(_signer.Contents).Nonce);
    }

    [Fact]
    public void Missing_fields_of_an_attestation_request_are_null()
    {
        _module.Exchange(Map("Attestation", "a0"));
        var content = Assert.Single(_signer.Contents);
        Assert.Null(content.UserData);
        Assert.Null(content.Nonce);
        Assert.Null(content.PublicKey);
    }

    [Fact]
    public void Fields_of_more_than_1024_bytes_are_signed_as_hardware_does()
    {
        var fields = "a3" + Text("user_data") + Bytes(1024) + Text("nonce") + Bytes(1025) + Text("public_key") + Bytes(1024);
        Assert.StartsWith(Map("Attestation", ""), _module.Exchange(Map("Attestation", fields)), StringComparison.Ordinal);
        Assert.Equal(1025, Assert.Single(_signer.Contents).Nonce!.Length);
    }

    [Fact]
    public void The_limit_of_a_request_is_4096_bytes()
    {
        var longest = Map("Attestation", Map("user_data", Bytes(4096 - 27)));
        Assert.Equal(2 * 4096, longest.Length);
        Assert.StartsWith(Map("Attestation", ""), _module.Exchange(longest), StringComparison.Ordinal);
        Assert.Equal(Error("InputTooLarge"), _module.Exchange(longest + "00"));
    }
}
