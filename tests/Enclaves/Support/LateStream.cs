namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// The enclave's process's end of a launch channel on a machine with much to do: having told that the enclave runs, the process goes on only
/// when it has already been seen that the launcher is gone.
/// </summary>
sealed class LateStream(Stream inner) : Stream
{
    readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    readonly TaskCompletionSource _wentOn = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the process goes on.</summary>
    public Task WentOn => _wentOn.Task;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer, cancellationToken);
        if (read == 0)
        {
            _ended.TrySetResult();
        }

        return read;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await inner.WriteAsync(buffer, cancellationToken);
        if (LaunchEncoding.DecodeMessage(buffer.Span[sizeof(ulong)..].ToArray()).Started is not null)
        {
            await _ended.Task.WaitAsync(cancellationToken);
            // Who reads has been given the end, and has yet to act upon it, which nobody else can see.
            await Task.Delay(100, cancellationToken);
            _wentOn.SetResult();
        }
    }

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

    public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }
}
