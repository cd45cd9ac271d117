namespace NitroEnclaves.Proxy.Tests;

public sealed class ProxyTargetTests
{
    [Theory]
    [InlineData("kms.us-east-1.amazonaws.com:443", "kms.us-east-1.amazonaws.com", 443)]
    [InlineData("KMS.Example.:8443", "kms.example", 8443)]
    [InlineData("10.0.0.1:80", "10.0.0.1", 80)]
    [InlineData("[2001:DB8::1]:443", "2001:db8::1", 443)]
    public void Targets_are_read(string text, string host, int port)
    {
        Assert.True(ProxyTarget.TryParse(text, out var target));
        Assert.Equal((host, port), (target.Host, target.Port));
    }

    [Theory]
    [InlineData("")]
    [InlineData("host")]
    [InlineData(":443")]
    [InlineData("host:")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:+1")]
    [InlineData("ho st:443")]
    [InlineData("h\u00f6st:443")]
    [InlineData("::1:443")]
    [InlineData("[::1%eth0]:443")]
    [InlineData("[10.0.0.1]:443")]
    [InlineData("user@host:443")]
    [InlineData("host/path:443")]
    [InlineData("2130706433:443")]
    [InlineData("0x7f.1:443")]
    [InlineData("127.1:443")]
    [InlineData("010.0.0.1:443")]
    [InlineData("-host:443")]
    public void What_is_no_target_is_refused(string text) => Assert.False(ProxyTarget.TryParse(text, out _));

    [Theory]
    [InlineData("kms.us-east-1.amazonaws.com", "kms.us-east-1.amazonaws.com:443", true)]
    [InlineData("kms.us-east-1.amazonaws.com", "KMS.us-east-1.amazonaws.com.:443", true)]
    [InlineData("kms.us-east-1.amazonaws.com", "kms.us-east-1.amazonaws.com:80", false)]
    [InlineData("kms.us-east-1.amazonaws.com", "evil.kms.us-east-1.amazonaws.com:443", false)]
    [InlineData("*.amazonaws.com", "s3.amazonaws.com:443", true)]
    [InlineData("*.amazonaws.com", "a.b.amazonaws.com:443", true)]
    [InlineData("*.amazonaws.com", "amazonaws.com:443", false)]
    [InlineData("*.amazonaws.com", "evilamazonaws.com:443", false)]
    [InlineData("example.com:8443", "example.com:8443", true)]
    [InlineData("10.0.0.0/8:443", "10.1.2.3:443", true)]
    [InlineData("10.0.0.0/8", "11.1.2.3:443", false)]
    [InlineData("10.0.0.0/8", "name.example:443", false)]
    [InlineData("[2001:db8::1]:443", "[2001:db8::1]:443", true)]
    [InlineData("[2001:db8::/32]:443", "[2001:db8::99]:443", true)]
    public void An_allowlist_decides(string entry, string target, bool allowed)
    {
        Assert.True(ProxyTarget.TryParse(target, out var asked));
        Assert.Equal(allowed, ProxyAllowlist.Parse([entry]).Allows(asked));
        Assert.False(ProxyAllowlist.Parse([]).Allows(asked));
    }

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("*.")]
    [InlineData("*.10.0.0.1")]
    [InlineData("a b")]
    [InlineData("10.0.0.0/33")]
    [InlineData("a.*.b")]
    [InlineData("host:0")]
    [InlineData("host:port")]
    public void A_wrong_entry_is_told_by_name(string entry) =>
        Assert.Contains(entry, Assert.Throws<FormatException>(() => ProxyAllowlist.Parse([entry])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("127.0.0.1", false)]
    [InlineData("::1", false)]
    [InlineData("::ffff:127.0.0.1", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("fe80::1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("52.1.2.3", true)]
    public void A_name_does_not_lead_to_this_machine(string address, bool allowed)
    {
        Assert.True(ProxyTarget.TryParse("name.example:443", out var target));
        Assert.Equal(allowed, ProxyAllowlist.Parse(["name.example"]).AllowsResolved(target, System.Net.IPAddress.Parse(address)));
    }
}
