using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace NitroEnclaves.Nsm;

/// <summary>
/// Asks the NSM: inside an enclave through its device, elsewhere through a software NSM. All members can be used from several
/// threads at once.
/// </summary>
/// <remarks>
/// <para>
/// Requests block, on a stuck device for 120 seconds and more: the driver takes one at a time, and nothing can interrupt it.
/// The asynchronous forms queue for a thread of the client's own, in order; cancelling one takes it back while it waits, and
/// abandons it once it is in flight. A health check should not depend on either.
/// </para>
/// <para>GetRandom, DescribePCR and ExtendPCR allocate nothing in their synchronous forms over spans.</para>
/// <para>
/// All requests throw an <see cref="NsmException"/> where the NSM refuses (its code) or its reply makes no sense
/// (<see cref="NsmErrorCode.InvalidResponse"/>), and an <see cref="IOException"/> where the device fails.
/// </para>
/// </remarks>
public sealed partial class NsmClient : IDisposable
{
    // All requests but ExtendPCR and Attestation fit.
    const int ShortRequestLength = 32;

    readonly INsmTransport _transport;
    readonly bool _leaveOpen;
    readonly NsmRequestQueue _queue;

    /// <summary>A client over a transport.</summary>
    /// <param name="transport">Where requests go.</param>
    /// <param name="leaveOpen">Whether to leave a disposable transport open when the client is disposed of.</param>
    /// <param name="queueLength">
    /// How many asynchronous requests may wait behind the one in flight, 1 or more; further ones are refused
    /// (<see cref="NsmErrorCode.QueueFull"/>), so that a stuck device costs bounded memory.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="queueLength"/> is below 1.</exception>
    public NsmClient(INsmTransport transport, bool leaveOpen = false, int queueLength = 256)
    {
        ArgumentNullException.ThrowIfNull(transport);
        ArgumentOutOfRangeException.ThrowIfLessThan(queueLength, 1);
        _transport = transport;
        _leaveOpen = leaveOpen;
        _queue = new NsmRequestQueue(transport, queueLength);
    }

    /// <summary>A client over the enclave's device.</summary>
    /// <param name="path">The device file.</param>
    /// <exception cref="IOException">It cannot be opened; a <see cref="FileNotFoundException"/> outside an enclave.</exception>
    /// <exception cref="UnauthorizedAccessException">The file's mode keeps this user out.</exception>
    public static NsmClient Open(string path = NsmDevice.DefaultPath) => new(NsmDevice.Open(path));

    /// <summary>Asks for the module's id, version and registers.</summary>
    /// <exception cref="NsmException">The NSM refuses, or its reply makes no sense.</exception>
    [SkipLocalsInit]
    public NsmDescription DescribeNsm()
    {
        Span<byte> reply = stackalloc byte[NsmLimits.MaxResponseLength];
        return NsmReplies.Description(Exchange(NsmRequest.DescribeNsm(), reply));
    }

    /// <summary>Fills a span with random bytes of the NSM, in as many requests as that takes (256 bytes each).</summary>
    /// <param name="destination">What to fill.</param>
    /// <exception cref="NsmException">The NSM refuses, or its reply makes no sense.</exception>
    [SkipLocalsInit]
    public void GetRandom(Span<byte> destination)
    {
        Span<byte> reply = stackalloc byte[NsmLimits.MaxResponseLength];
        while (!destination.IsEmpty)
        {
            var random = NsmReplies.Random(Exchange(NsmRequest.GetRandom(), reply));
            var length = Math.Min(random.Length, destination.Length);
            random[..length].CopyTo(destination);
            destination = destination[length..];
            reply.Overlaps(random, out var offset);
            CryptographicOperations.ZeroMemory(reply.Slice(offset, random.Length));
        }
    }

    /// <summary>Reads a register.</summary>
    /// <param name="index">The register, 0 to 31.</param>
    /// <exception cref="ArgumentOutOfRangeException">No message can carry the index.</exception>
    /// <exception cref="NsmException">
    /// <see cref="NsmErrorCode.InvalidIndex"/>: there is no such register; or the reply makes no sense.
    /// </exception>
    [SkipLocalsInit]
    public PcrDescription DescribePcr(int index)
    {
        Span<byte> reply = stackalloc byte[NsmLimits.MaxResponseLength];
        return NsmReplies.Register(Exchange(NsmRequest.DescribePcr(index), reply));
    }

    /// <summary>Extends a register: it then holds the SHA-384 of its value followed by the data.</summary>
    /// <param name="index">The register; 16 to 31 can be extended until they are locked.</param>
    /// <param name="data">The data, possibly empty, at most about 4,000 bytes.</param>
    /// <returns>The new value.</returns>
    /// <exception cref="ArgumentOutOfRangeException">No message can carry the index.</exception>
    /// <exception cref="NsmException">
    /// <see cref="NsmErrorCode.ReadOnlyIndex"/>: the register is locked; <see cref="NsmErrorCode.InvalidIndex"/>: there is none;
    /// <see cref="NsmErrorCode.InputTooLarge"/>: the data is too long; or the reply makes no sense.
    /// </exception>
    [SkipLocalsInit]
    public PcrValue ExtendPcr(int index, ReadOnlySpan<byte> data)
    {
        Span<byte> reply = stackalloc byte[NsmLimits.MaxResponseLength];
        return NsmReplies.Extended(ExchangeLong(NsmRequest.ExtendPcr(index, data), reply));
    }

    /// <summary>Locks a register for as long as the enclave runs. Only locked registers appear in documents.</summary>
    /// <param name="index">The register, 16 to 31.</param>
    /// <exception cref="ArgumentOutOfRangeException">No message can carry the index.</exception>
    /// <exception cref="NsmException">
    /// <see cref="NsmErrorCode.ReadOnlyIndex"/>: it is locked already; <see cref="NsmErrorCode.InvalidIndex"/>: there is none;
    /// or the reply makes no sense.
    /// </exception>
    [SkipLocalsInit]
    public void LockPcr(int index)
    {
        Span<byte> reply = stackalloc byte[NsmLimits.MaxResponseLength];
        NsmReplies.Expect(Exchange(NsmRequest.LockPcr(index), reply), NsmOperation.LockPcr);
    }

    /// <summary>Locks all registers below a number; those locked already stay so.</summary>
    /// <param name="range">The number of registers from 0 on, up to 32.</param>
    /// <exception cref="ArgumentOutOfRangeException">No message can carry the range.</exception>
    /// <exception cref="NsmException">
    /// <see cref="NsmErrorCode.InvalidIndex"/>: there are not so many; or the reply makes no sense.
    /// </exception>
    [SkipLocalsInit]
    public void LockPcrs(int range)
    {
        Span<byte> reply = stackalloc byte[NsmLimits.MaxResponseLength];
        NsmReplies.Expect(Exchange(NsmRequest.LockPcrs(range), reply), NsmOperation.LockPcrs);
    }

    /// <summary>Asks for a signed attestation document.</summary>
    /// <param name="request">What the document is to state.</param>
    /// <param name="document">
    /// Where the document is written; <see cref="NsmLimits.MaxResponseLength"/> bytes hold any, those of hardware have some 5,000.
    /// </param>
    /// <param name="bytesWritten">The length of the document, 0 where it does not fit.</param>
    /// <returns>Whether the document fits.</returns>
    /// <exception cref="NsmException">
    /// <see cref="NsmErrorCode.InputTooLarge"/>: the fields together are too long; the NSM refuses; or its reply makes no sense.
    /// </exception>
    [SkipLocalsInit]
    public bool TryGetAttestationDocument(AttestationRequest request, Span<byte> document, out int bytesWritten)
    {
        Span<byte> reply = stackalloc byte[NsmLimits.MaxResponseLength];
        var signed = NsmReplies.Document(ExchangeLong(NsmRequest.ForAttestation(request), reply));
        var fits = signed.TryCopyTo(document);
        bytesWritten = fits ? signed.Length : 0;
        return fits;
    }

    /// <summary>Asks for a signed attestation document.</summary>
    /// <param name="userData">Any data, possibly empty; null leaves the field out.</param>
    /// <param name="nonce">The verifier's nonce, possibly empty; null leaves the field out.</param>
    /// <param name="publicKey">A public key, possibly empty; null leaves the field out.</param>
    /// <returns>The document, a COSE_Sign1.</returns>
    /// <exception cref="NsmException">
    /// <see cref="NsmErrorCode.InputTooLarge"/>: the fields together are too long; the NSM refuses; or its reply makes no sense.
    /// </exception>
    [SkipLocalsInit]
    public byte[] GetAttestationDocument(byte[]? userData = null, byte[]? nonce = null, byte[]? publicKey = null)
    {
        Span<byte> reply = stackalloc byte[NsmLimits.MaxResponseLength];
        var request = new AttestationRequest(OptionalBytes.From(userData), OptionalBytes.From(nonce), OptionalBytes.From(publicKey));
        return NsmReplies.Document(ExchangeLong(NsmRequest.ForAttestation(request), reply)).ToArray();
    }

    /// <summary>
    /// Refuses further asynchronous requests, fails those that wait with an <see cref="ObjectDisposedException"/>, and closes the
    /// transport unless it is to be left open.
    /// </summary>
    public void Dispose()
    {
        _queue.Dispose();
        if (!_leaveOpen)
        {
            (_transport as IDisposable)?.Dispose();
        }
    }

    [SkipLocalsInit]
    NsmResponse Exchange(NsmRequest request, Span<byte> reply)
    {
        Span<byte> encoded = stackalloc byte[ShortRequestLength];
        return NsmReplies.Exchange(_transport, encoded[..request.Encode(encoded)], reply);
    }

    [SkipLocalsInit]
    NsmResponse ExchangeLong(NsmRequest request, Span<byte> reply)
    {
        Span<byte> encoded = stackalloc byte[NsmLimits.MaxRequestLength];
        return NsmReplies.Exchange(_transport, encoded[..request.Encode(encoded)], reply);
    }
}
