namespace NitroEnclaves.Nsm;

/// <summary>
/// One NSM request in, one NSM response out, both as CBOR: the device file inside an enclave (<see cref="NsmDevice"/>) or a
/// software NSM in memory (<see cref="NsmModule"/>). Implementations can be called from several threads.
/// </summary>
public interface INsmTransport
{
    /// <summary>Sends a request and waits for its response.</summary>
    /// <param name="request">The request as CBOR, 1 to <see cref="NsmLimits.MaxRequestLength"/> bytes.</param>
    /// <param name="response">
    /// Where the response is written; <see cref="NsmLimits.MaxResponseLength"/> bytes hold every response.
    /// </param>
    /// <returns>The number of bytes written to <paramref name="response"/>.</returns>
    /// <exception cref="NsmException">The transport refuses the request or the response does not fit.</exception>
    /// <exception cref="IOException">The device failed, or did not answer in time.</exception>
    int Exchange(ReadOnlySpan<byte> request, Span<byte> response);
}
