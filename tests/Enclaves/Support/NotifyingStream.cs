namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Memory that can be waited on to grow.</summary>
sealed class NotifyingStream : MemoryStream
{
    readonly SemaphoreSlim _written = new(0);

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await base.WriteAsync(buffer, cancellationToken);
        _written.Release();
    }

    public async Task WaitForLengthAsync(long length, CancellationToken cancellationToken)
    {
        while (Length < length)
        {
            await _written.WaitAsync(cancellationToken);
        }
    }
}
