using NitroEnclaves.Proxy;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>The head of a request to the parent's proxy: whatever is accepted reads back as the same server, and is no way around a list.</summary>
sealed class ConnectFuzzTarget : IFuzzTarget
{
    static readonly string[] s_targets = ["a.example:443", "10.1.2.3:443", "[::1]:443", "[::ffff:10.0.0.1]:443", "0x0a.1:443", "name.other:80"];
    static readonly ProxyAllowlist s_list = ProxyAllowlist.Parse(["*.example", "10.0.0.0/8"]);

    public string Name => "connect";

    public IEnumerable<byte[]> Seeds =>
    [
        .. s_targets.Select(target => System.Text.Encoding.ASCII.GetBytes($"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")),
    ];

    public int LastOutcome { get; private set; }

    public void Run(ReadOnlySpan<byte> input)
    {
        var end = ConnectRequest.FindEnd(input);
        var outcome = ConnectRequest.Parse(end < 0 ? input : input[..end], out var target);
        if ((outcome == ConnectRequestOutcome.Valid) != (target is not null))
        {
            throw new InvalidOperationException("A valid request has a target, and no other has one.");
        }

        if (target is not null && (!ProxyTarget.TryParse(target.ToString(), out var again) || again != target))
        {
            throw new InvalidOperationException($"{target} does not read back.");
        }

        var allowed = target is not null && s_list.Allows(target);
        if (allowed && target!.Address is null && !target.Host.EndsWith(".example", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"{target} is not on the list.");
        }

        LastOutcome = HashCode.Combine(outcome, target?.Address is null, target?.Host.Length, allowed);
    }
}
