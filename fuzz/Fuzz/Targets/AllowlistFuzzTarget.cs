using System.Text;
using NitroEnclaves.Proxy;
using YamlDotNet.Core;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>The proxy's allowlist (YAML): it is read or refused, and no list lets anybody to a port that no entry names.</summary>
sealed class AllowlistFuzzTarget : IFuzzTarget
{
    static readonly ProxyTarget[] s_targets = [new("kms.us-east-1.amazonaws.com", 443), new("10.1.2.3", 443), new("a.example.com", 8443), new("::1", 443)];

    public string Name => "allowlist";

    public IEnumerable<byte[]> Seeds =>
    [
        "allowlist:\n- {address: kms.us-east-1.amazonaws.com, port: 443}\n- {address: 10.0.0.0/8, port: 443}\n"u8.ToArray(),
        "---\nother: [1, {a: b}]\nallowlist:\n- address: \"*.example.com\"\n  port: 8443\n  note: &x y\n- address: ::1\n  port: 443\n"u8.ToArray(),
        "{allowlist: [{port: 443, address: 'fd00::/8'}]}"u8.ToArray(),
        "allowlist: []\n...\n"u8.ToArray(),
    ];

    public int LastOutcome { get; private set; }

    public void Run(ReadOnlySpan<byte> input)
    {
        var text = Encoding.UTF8.GetString(input);
        try
        {
            var allowlist = ProxyAllowlistFile.Parse(new StringReader(text));
            if (allowlist.Allows(new ProxyTarget("nobody.invalid", 1)) && !text.Contains('1', StringComparison.Ordinal))
            {
                throw new InvalidOperationException("A port that no entry names is allowed.");
            }

            LastOutcome = HashCode.Combine(allowlist.Count, HashCode.Combine(s_targets.Count(allowlist.Allows)));
        }
        catch (Exception exception) when (exception is FormatException or YamlException)
        {
            LastOutcome = exception.GetType().GetHashCode();
        }
    }
}
