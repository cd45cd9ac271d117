using NitroEnclaves.Cbor;

namespace NitroEnclaves.Nsm;

public readonly ref partial struct NsmRequest
{
    /// <summary>Reads a request as a module does: by key in any order, maps of either length form, integers of any width.</summary>
    /// <param name="encoded">The request; bytes after its one item are ignored, as QEMU's module does.</param>
    /// <param name="request">The request; its spans lie inside <paramref name="encoded"/>.</param>
    /// <returns>Whether it is a request. What is not is answered with <see cref="NsmErrorCode.InvalidOperation"/>.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> encoded, out NsmRequest request)
    {
        try
        {
            var reader = new CborReader(encoded);
            return TryRead(ref reader, out request);
        }
        catch (CborException)
        {
            request = default;
            return false;
        }
    }

    static bool TryRead(scoped ref CborReader reader, out NsmRequest request)
    {
        request = default;
        if (reader.PeekType() == CborType.TextString)
        {
            if (!NsmNames.TryParse(reader.ReadTextStringBytes(), out var bare)
                || bare is not (NsmOperation.DescribeNsm or NsmOperation.GetRandom))
            {
                return false;
            }

            request = new NsmRequest(bare);
            return true;
        }

        if (reader.ReadStartMap() is not (1 or null)
            || !NsmNames.TryParse(reader.ReadTextStringBytes(), out var operation)
            || operation is NsmOperation.DescribeNsm or NsmOperation.GetRandom)
        {
            return false;
        }

        reader.ReadStartMap();
        var complete = operation switch
        {
            NsmOperation.ExtendPcr => TryReadExtend(ref reader, out request),
            NsmOperation.Attestation => TryReadAttestation(ref reader, out request),
            _ => TryReadNumber(ref reader, operation, out request),
        };
        reader.ReadEndMap();
        return complete;
    }

    /// <summary>DescribePCR, LockPCR, LockPCRs. Of a repeated key the first counts, as in QEMU's module.</summary>
    static bool TryReadNumber(scoped ref CborReader reader, NsmOperation operation, out NsmRequest request)
    {
        var name = operation == NsmOperation.LockPcrs ? NsmNames.Range : NsmNames.Index;
        int? number = null;
        while (!reader.TryReadEndMap())
        {
            if (reader.ReadTextStringBytes().SequenceEqual(name) && number is null)
            {
                number = reader.ReadUInt16();
            }
            else
            {
                reader.SkipValue();
            }
        }

        request = operation == NsmOperation.LockPcrs
            ? new NsmRequest(operation) { Range = number.GetValueOrDefault() }
            : new NsmRequest(operation) { Index = number.GetValueOrDefault() };
        return number is not null;
    }

    /// <summary>ExtendPCR. Of a repeated key the last counts, as in QEMU's module.</summary>
    static bool TryReadExtend(scoped ref CborReader reader, out NsmRequest request)
    {
        int? index = null;
        var data = default(OptionalBytes);
        while (!reader.TryReadEndMap())
        {
            var key = reader.ReadTextStringBytes();
            if (key.SequenceEqual(NsmNames.Index))
            {
                index = reader.ReadUInt16();
            }
            else if (key.SequenceEqual(NsmNames.Data))
            {
                data = new OptionalBytes(ReadBytes(ref reader));
            }
            else
            {
                reader.SkipValue();
            }
        }

        request = new NsmRequest(NsmOperation.ExtendPcr) { Index = index.GetValueOrDefault(), Data = data.Value };
        return index is not null && data.HasValue;
    }

    /// <summary>Attestation. Of a repeated key the last counts, and an absent one is null, as in QEMU's module.</summary>
    static bool TryReadAttestation(scoped ref CborReader reader, out NsmRequest request)
    {
        var userData = default(OptionalBytes);
        var nonce = default(OptionalBytes);
        var publicKey = default(OptionalBytes);
        while (!reader.TryReadEndMap())
        {
            var key = reader.ReadTextStringBytes();
            if (key.SequenceEqual(NsmNames.UserData))
            {
                userData = ReadOptional(ref reader);
            }
            else if (key.SequenceEqual(NsmNames.Nonce))
            {
                nonce = ReadOptional(ref reader);
            }
            else if (key.SequenceEqual(NsmNames.PublicKey))
            {
                publicKey = ReadOptional(ref reader);
            }
            else
            {
                reader.SkipValue();
            }
        }

        request = ForAttestation(new AttestationRequest(userData, nonce, publicKey));
        return true;
    }

    static OptionalBytes ReadOptional(scoped ref CborReader reader) =>
        reader.TryReadNull() ? default : new OptionalBytes(ReadBytes(ref reader));

    /// <summary>A byte string; a text string stands for its UTF-8 bytes.</summary>
    static ReadOnlySpan<byte> ReadBytes(scoped ref CborReader reader) =>
        reader.PeekType() == CborType.TextString ? reader.ReadTextStringBytes() : reader.ReadByteString();
}
