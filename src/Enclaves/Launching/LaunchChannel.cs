using System.Text.Json;
using NitroEnclaves.Cbor;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The connection between an enclave's process and its launcher: first the options, then messages the other way. That it stays open says
/// that the other end lives.
/// </summary>
sealed class LaunchChannel(Stream stream) : IAsyncDisposable
{
    const int Longest = 1024 * 1024;

    readonly SemaphoreSlim _writing = new(1);

    public Task SendOptionsAsync(EnclaveOptions options, CancellationToken cancellationToken) =>
        SendAsync(LaunchEncoding.Encode(options), cancellationToken);

    /// <summary>
    /// Waits for the options; null when the other end is gone, sends something else, or nothing in time. It blocks: what it takes to wait
    /// otherwise would be brought up for this alone, while an enclave's user waits.
    /// </summary>
    public EnclaveOptions? ReceiveOptions(TimeSpan patience)
    {
        try
        {
            stream.ReadTimeout = (int)patience.TotalMilliseconds;
            var options = CommandFrame.Read(stream, Longest) is { } frame ? LaunchEncoding.DecodeOptions(frame) : null;
            stream.ReadTimeout = Timeout.Infinite;
            return options;
        }
        catch (Exception exception) when (exception is IOException or EnclaveException or CborException or JsonException)
        {
            return null;
        }
    }

    public Task SendAsync(LaunchMessage message, CancellationToken cancellationToken) =>
        SendAsync(LaunchEncoding.Encode(message), cancellationToken);

    /// <summary>The next message; null when the other end is gone, or sends something else.</summary>
    public async Task<LaunchMessage?> ReceiveAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await ReceiveFrameAsync(cancellationToken).ConfigureAwait(false) is { } frame ? LaunchEncoding.DecodeMessage(frame) : null;
        }
        catch (Exception exception) when (exception is IOException or EnclaveException or CborException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Completes when the other end is gone; it must not send anything any more.</summary>
    public async Task WaitForCloseAsync(CancellationToken cancellationToken)
    {
        try
        {
            await stream.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // Reset or closed: gone all the same.
        }
    }

    public ValueTask DisposeAsync()
    {
        _writing.Dispose();
        return stream.DisposeAsync();
    }

    async Task SendAsync(byte[] frame, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await CommandFrame.WriteAsync(stream, frame, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    ValueTask<byte[]?> ReceiveFrameAsync(CancellationToken cancellationToken) => CommandFrame.ReadAsync(stream, Longest, cancellationToken);
}
