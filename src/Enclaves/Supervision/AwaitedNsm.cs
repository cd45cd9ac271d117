using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves;

/// <summary>An NSM whose registers are still being measured when its enclave starts: requests wait until they are known.</summary>
/// <param name="measurement">What the registers come from; a request makes it begin.</param>
/// <param name="module">The NSM, once it has booted.</param>
sealed class AwaitedNsm(SourceMeasurement measurement, Task<NsmModule> module) : INsmTransport
{
    /// <inheritdoc/>
    public int Exchange(ReadOnlySpan<byte> request, Span<byte> response)
    {
        try
        {
            measurement.Begin();
            return module.GetAwaiter().GetResult().Exchange(request, response);
        }
        catch (Exception exception) when (exception is EnclaveException or OperationCanceledException)
        {
            // It could not be measured: its start fails, and this is one of the last requests.
            return NsmResponse.Error(NsmErrorCode.InternalError).TryEncode(response, out var length) ? length : 0;
        }
    }
}
