using System.Security.Cryptography;

namespace NitroEnclaves.Nsm.Tests;

/// <summary>"Random" bytes that count: 0, 1, 2 … 255, 0 …</summary>
sealed class CountingRandom : RandomNumberGenerator
{
    byte _next;

    public override void GetBytes(byte[] data) => GetBytes(data.AsSpan());

    public override void GetBytes(Span<byte> data)
    {
        foreach (ref var value in data)
        {
            value = _next++;
        }
    }
}
