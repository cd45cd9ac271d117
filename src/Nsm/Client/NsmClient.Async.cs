namespace NitroEnclaves.Nsm;

public sealed partial class NsmClient
{
    /// <summary>Asks for the module's id, version and registers, without blocking the caller.</summary>
    /// <param name="cancellationToken">Abandons the wait.</param>
    public Task<NsmDescription> DescribeNsmAsync(CancellationToken cancellationToken = default) =>
        RunAsync(NsmRequest.DescribeNsm(), NsmReplies.Description, cancellationToken);

    /// <summary>Asks for random bytes of the NSM, in as many requests as that takes (256 bytes each), without blocking the caller.</summary>
    /// <param name="count">How many, 0 or more.</param>
    /// <param name="cancellationToken">Abandons the wait.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public async Task<byte[]> GetRandomAsync(int count, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var result = new byte[count];
        for (var filled = 0; filled < count;)
        {
            var random = await RunAsync(
                NsmRequest.GetRandom(), static response => NsmReplies.Random(response).ToArray(), cancellationToken).ConfigureAwait(false);
            var length = Math.Min(random.Length, count - filled);
            random.AsSpan(0, length).CopyTo(result.AsSpan(filled));
            filled += length;
        }

        return result;
    }

    /// <summary>Reads a register without blocking the caller.</summary>
    /// <param name="index">The register, 0 to 31.</param>
    /// <param name="cancellationToken">Abandons the wait.</param>
    /// <exception cref="ArgumentOutOfRangeException">No message can carry the index.</exception>
    public Task<PcrDescription> DescribePcrAsync(int index, CancellationToken cancellationToken = default) =>
        RunAsync(NsmRequest.DescribePcr(index), NsmReplies.Register, cancellationToken);

    /// <summary>Extends a register without blocking the caller.</summary>
    /// <param name="index">The register; 16 to 31 can be extended until they are locked.</param>
    /// <param name="data">The data, possibly empty, at most about 4,000 bytes. It is copied before this method returns.</param>
    /// <param name="cancellationToken">Abandons the wait: a request in flight takes effect all the same.</param>
    /// <returns>The new value.</returns>
    /// <exception cref="ArgumentOutOfRangeException">No message can carry the index.</exception>
    public Task<PcrValue> ExtendPcrAsync(int index, ReadOnlySpan<byte> data, CancellationToken cancellationToken = default) =>
        RunAsync(NsmRequest.ExtendPcr(index, data), NsmReplies.Extended, cancellationToken);

    /// <summary>Locks a register without blocking the caller.</summary>
    /// <param name="index">The register, 16 to 31.</param>
    /// <param name="cancellationToken">Abandons the wait: a request in flight takes effect all the same.</param>
    /// <exception cref="ArgumentOutOfRangeException">No message can carry the index.</exception>
    public Task LockPcrAsync(int index, CancellationToken cancellationToken = default) =>
        RunAsync(NsmRequest.LockPcr(index), static response => NsmReplies.Expect(response, NsmOperation.LockPcr).Operation, cancellationToken);

    /// <summary>Locks all registers below a number without blocking the caller.</summary>
    /// <param name="range">The number of registers from 0 on, up to 32.</param>
    /// <param name="cancellationToken">Abandons the wait: a request in flight takes effect all the same.</param>
    /// <exception cref="ArgumentOutOfRangeException">No message can carry the range.</exception>
    public Task LockPcrsAsync(int range, CancellationToken cancellationToken = default) =>
        RunAsync(NsmRequest.LockPcrs(range), static response => NsmReplies.Expect(response, NsmOperation.LockPcrs).Operation, cancellationToken);

    /// <summary>Asks for a signed attestation document without blocking the caller.</summary>
    /// <param name="userData">Any data, possibly empty; null leaves the field out.</param>
    /// <param name="nonce">The verifier's nonce, possibly empty; null leaves the field out.</param>
    /// <param name="publicKey">A public key, possibly empty; null leaves the field out.</param>
    /// <param name="cancellationToken">Abandons the wait.</param>
    /// <returns>The document, a COSE_Sign1.</returns>
    public Task<byte[]> GetAttestationDocumentAsync(
        byte[]? userData = null, byte[]? nonce = null, byte[]? publicKey = null, CancellationToken cancellationToken = default)
    {
        var request = new AttestationRequest(OptionalBytes.From(userData), OptionalBytes.From(nonce), OptionalBytes.From(publicKey));
        return RunAsync(
            NsmRequest.ForAttestation(request), static response => NsmReplies.Document(response).ToArray(), cancellationToken);
    }

    // Encoded here and now: the caller's buffers are its own again, whenever the request is sent.
    Task<T> RunAsync<T>(NsmRequest request, NsmReplyReader<T> reader, CancellationToken cancellationToken)
    {
        Span<byte> encoded = stackalloc byte[NsmLimits.MaxRequestLength];
        var length = request.Encode(encoded);
        return _queue.RunAsync(new PendingNsmRequest<T>(encoded[..length].ToArray(), reader), cancellationToken);
    }
}
