using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

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
        SendAsync(options, EnclaveJson.Context.EnclaveOptions, cancellationToken);

    public Task<EnclaveOptions?> ReceiveOptionsAsync(CancellationToken cancellationToken) =>
        ReceiveAsync(EnclaveJson.Context.EnclaveOptions, cancellationToken);

    public Task SendAsync(LaunchMessage message, CancellationToken cancellationToken) =>
        SendAsync(message, EnclaveJson.Context.LaunchMessage, cancellationToken);

    /// <summary>The next message; null when the other end is gone.</summary>
    public Task<LaunchMessage?> ReceiveAsync(CancellationToken cancellationToken) =>
        ReceiveAsync(EnclaveJson.Context.LaunchMessage, cancellationToken);

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

    async Task SendAsync<T>(T value, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        var frame = JsonSerializer.SerializeToUtf8Bytes(value, type);
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

    async Task<T?> ReceiveAsync<T>(JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            return await CommandFrame.ReadAsync(stream, Longest, cancellationToken).ConfigureAwait(false) is { } frame
                ? JsonSerializer.Deserialize(frame, type)
                : null;
        }
        catch (Exception exception) when (exception is IOException or JsonException)
        {
            return null;
        }
    }
}
