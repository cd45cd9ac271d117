using FsCheck;
using FsCheck.Fluent;
using YamlDotNet.Core;

namespace NitroEnclaves.Proxy.Tests;

/// <summary>The allowlist file of AWS's vsock-proxy.</summary>
public sealed class ProxyAllowlistFileTests
{
    [Fact]
    public void The_file_of_AWSs_package_is_read()
    {
        var allowlist = Parse("""
            allowlist:
            - {address: kms.us-east-1.amazonaws.com, port: 443}
            - address: 2001:db8::1
              port: 8443
              comment: passed over
            - {address: "*.example.com", port: 443}
            - {address: 10.0.0.0/8, port: 5432}
            other: [1, {a: b}]
            """);
        Assert.Equal(4, allowlist.Count);
        Assert.True(allowlist.Allows(new ProxyTarget("kms.us-east-1.amazonaws.com", 443)));
        Assert.False(allowlist.Allows(new ProxyTarget("kms.us-east-1.amazonaws.com", 444)));
        Assert.True(allowlist.Allows(new ProxyTarget("2001:db8::1", 8443)));
        Assert.True(allowlist.Allows(new ProxyTarget("a.example.com", 443)));
        Assert.True(allowlist.Allows(new ProxyTarget("10.1.2.3", 5432)));
        Assert.False(allowlist.Allows(new ProxyTarget("11.1.2.3", 5432)));
    }

    [Theory]
    [InlineData("other: 1", "No allowlist field")]
    [InlineData("allowlist:\n- {port: 443}", "No address field")]
    [InlineData("allowlist:\n- {address: a}", "No port field or invalid type")]
    [InlineData("allowlist:\n- {address: a, port: x}", "No port field or invalid type")]
    [InlineData("allowlist:\n- {address: a, port: 0}", "No port field or invalid type")]
    [InlineData("allowlist:\n- {address: a, port: 65536}", "No port field or invalid type")]
    [InlineData("allowlist:\n- {address: 'a b', port: 443}", "'a b:443' is no server")]
    [InlineData("allowlist: a", "")]
    [InlineData("- a", "")]
    [InlineData("allowlist: [", "")]
    [InlineData("other: [1other: [1, {a: b}]\nallowlist:\n- aldress: \"*a\"\0  \u0018p: 8443\n  note: &x y\n- adres, port:com, port: 443\0001\n", "")]
    [InlineData("allowlist:\n- {address: *a, port: 443}", "")]
    [InlineData("", "")]
    public void What_is_no_allowlist_is_refused(string text, string message)
    {
        var exception = Record.Exception(() => Parse(text));
        Assert.True(exception is FormatException or YamlException, $"{exception}");
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    // Pieces of such files in any order: read or refused, and refused as the contract has it.
    [Fact]
    public void Any_text_is_a_list_or_refused() =>
        Prop.ForAll<byte[]>(choices =>
        {
            string[] pieces = ["allowlist", ":", " ", "\n", "- ", "{", "}", "[", "]", "address: a", "port: 443", ", ", "*x", "&x ", "\"", "'", "!!str ", "|", ">", "---", "...", "#", "? ", "\0", "\u00e9", "  "];
            var text = string.Concat(choices.Select(choice => pieces[choice % pieces.Length]));
            var exception = Record.Exception(() => Parse("allowlist:\n" + text));
            return exception is null or FormatException or YamlException;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000).WithReplay(20261121, 7));

    [Fact]
    public void A_missing_file_is_an_IOException() => Assert.Throws<FileNotFoundException>(() => ProxyAllowlistFile.Load("/nowhere.yaml"));

    static ProxyAllowlist Parse(string text) => ProxyAllowlistFile.Parse(new StringReader(text));
}
