using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace NitroEnclaves.Nsm;

/// <summary>
/// A Nitro Secure Module in software: 32 SHA-384 registers with locks, random bytes, and attestation documents signed by an
/// <see cref="IDocumentSigner"/>. Behaves as the hardware does where that is known, and as QEMU's module elsewhere.
/// </summary>
/// <remarks>Requests are a guest's and never make it throw: whatever is wrong with them is answered by {"Error": name}.</remarks>
public sealed class NsmModule : INsmTransport
{
    const int MaxModuleIdLength = 128;

    static readonly Version ModuleVersion = new(1, 0, 0);

    readonly Lock _lock = new();
    readonly PcrBank _pcrs;
    readonly NsmModuleOptions _options;

    /// <summary>Boots a module: the registers take their values, then 0 to 15 are locked.</summary>
    /// <param name="options">What the module is made of.</param>
    /// <exception cref="ArgumentException">The module id is empty or too long, or a register does not exist.</exception>
    public NsmModule(NsmModuleOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.ModuleId.Length is 0 or > MaxModuleIdLength || options.ModuleId.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw new ArgumentException($"A module id has 1 to {MaxModuleIdLength} characters of ASCII, none of them a space.", nameof(options));
        }

        _options = options;
        _pcrs = new PcrBank(options.Pcrs);
    }

    /// <summary>Carries out one request.</summary>
    /// <param name="request">The request, whatever bytes a guest sends.</param>
    /// <param name="response">
    /// Where the response is written. In less room than a response needs, {"Error": "BufferTooSmall"} is; the request has been
    /// carried out all the same.
    /// </param>
    /// <returns>The bytes written; 0 where not even an error fits.</returns>
    public int Exchange(ReadOnlySpan<byte> request, Span<byte> response)
    {
        if (request.Length > NsmLimits.MaxRequestLength)
        {
            return Write(NsmResponse.Error(NsmErrorCode.InputTooLarge), response);
        }

        if (!NsmRequest.TryDecode(request, out var decoded))
        {
            return Write(NsmResponse.Error(NsmErrorCode.InvalidOperation), response);
        }

        if (decoded.Operation == NsmOperation.Attestation)
        {
            return Attest(decoded.Attestation, response);
        }

        lock (_lock)
        {
            return Execute(decoded, response);
        }
    }

    int Execute(NsmRequest request, Span<byte> response) => request.Operation switch
    {
        NsmOperation.DescribeNsm => Write(NsmResponse.DescribeNsm(Describe()), response),
        NsmOperation.GetRandom => GetRandom(response),
        NsmOperation.DescribePcr => DescribePcr(request.Index, response),
        NsmOperation.ExtendPcr => ExtendPcr(request.Index, request.Data, response),
        NsmOperation.LockPcr => Lock(_pcrs.Lock(request.Index), NsmResponse.LockPcr(), response),
        _ => Lock(_pcrs.LockBelow(request.Range), NsmResponse.LockPcrs(), response),
    };

    NsmDescription Describe() => new()
    {
        Version = ModuleVersion,
        ModuleId = _options.ModuleId,
        MaxPcrs = Pcr.Count,
        LockedPcrs = _pcrs.LockedIndexes(),
    };

    // Linux parses this response byte by byte to feed its random number generator: 24 bytes or more, in exactly this form.
    [SkipLocalsInit]
    int GetRandom(Span<byte> response)
    {
        Span<byte> random = stackalloc byte[NsmLimits.RandomLength];
        _options.Random.GetBytes(random);
        var length = Write(NsmResponse.GetRandom(random), response);
        random.Clear();
        return length;
    }

    int DescribePcr(int index, Span<byte> response)
    {
        var error = _pcrs.Describe(index, out var value, out var isLocked);
        return Write(error == NsmErrorCode.Success ? NsmResponse.DescribePcr(value.Bytes, isLocked) : NsmResponse.Error(error), response);
    }

    int ExtendPcr(int index, ReadOnlySpan<byte> data, Span<byte> response)
    {
        var error = _pcrs.Extend(index, data, out var value);
        return Write(error == NsmErrorCode.Success ? NsmResponse.ExtendPcr(value.Bytes) : NsmResponse.Error(error), response);
    }

    int Lock(NsmErrorCode error, NsmResponse locked, Span<byte> response) =>
        Write(error == NsmErrorCode.Success ? locked : NsmResponse.Error(error), response);

    // The signature, by far the longest part, is made outside the lock.
    int Attest(AttestationRequest request, Span<byte> response)
    {
        var content = new AttestationDocumentContent
        {
            ModuleId = _options.ModuleId,
            Timestamp = _options.TimeProvider.GetUtcNow(),
            Pcrs = LockedPcrs(),
            UserData = request.HasUserData ? request.UserData.ToArray() : null,
            Nonce = request.HasNonce ? request.Nonce.ToArray() : null,
            PublicKey = request.HasPublicKey ? request.PublicKey.ToArray() : null,
        };
        byte[] document;
        try
        {
            document = _options.Signer.Sign(content);
        }
#pragma warning disable CA1031 // The signer is a foreign part: the guest's answer to any of its failures is the same, and its owner is told.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _options.SigningFailed?.Invoke(exception);
            return Write(NsmResponse.Error(NsmErrorCode.InternalError), response);
        }

        return Write(NsmResponse.Attestation(document), response);
    }

    ImmutableSortedDictionary<int, PcrValue> LockedPcrs()
    {
        lock (_lock)
        {
            return _pcrs.LockedValues();
        }
    }

    int Write(NsmResponse answer, Span<byte> response)
    {
        if (!answer.TryEncode(response, out var length, _options.KeyOrder))
        {
            NsmResponse.Error(NsmErrorCode.BufferTooSmall).TryEncode(response, out length);
        }

        return length;
    }
}
