namespace NitroEnclaves.Nsm.Tests;

/// <summary>Answers requests by a script, and keeps them.</summary>
sealed class ScriptedTransport(Func<byte[], byte[]> script) : INsmTransport, IDisposable
{
    public ScriptedTransport(string replyHex)
        : this(_ => Convert.FromHexString(replyHex))
    {
    }

    public List<byte[]> Requests { get; } = [];

    public bool IsDisposed { get; private set; }

    public int Exchange(ReadOnlySpan<byte> request, Span<byte> response)
    {
        Requests.Add(request.ToArray());
        var reply = script(Requests[^1]);

        // As the driver does: what does not fit is cut off, and that is no error.
        var length = Math.Min(reply.Length, response.Length);
        reply.AsSpan(0, length).CopyTo(response);
        return length;
    }

    public void Dispose() => IsDisposed = true;
}
