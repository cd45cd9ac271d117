using System.Text;

namespace NitroEnclaves.Nsm;

/// <summary>Turns replies into results. A reply is untrusted: whatever does not answer the request is an <see cref="NsmException"/>.</summary>
static class NsmReplies
{
    internal static NsmResponse Exchange(INsmTransport transport, scoped ReadOnlySpan<byte> request, Span<byte> reply)
    {
        var length = transport.Exchange(request, reply);
        if ((uint)length > (uint)reply.Length)
        {
            throw Invalid($"The transport reports {length} bytes for a reply of at most {reply.Length}.");
        }

        if (!NsmResponse.TryDecode(reply[..length], out var response))
        {
            // The driver cuts a long reply short without a word: then the room is used up and the CBOR has no end.
            throw length == reply.Length
                ? new NsmException(NsmErrorCode.BufferTooSmall, $"The NSM's reply is cut off after {length} bytes.")
                : Invalid($"The NSM's reply of {length} bytes is not a response.");
        }

        return response;
    }

    internal static NsmResponse Expect(NsmResponse response, NsmOperation operation)
    {
        if (response.IsError)
        {
            throw Refused(response, operation);
        }

        return response.Operation == operation
            ? response
            : throw Invalid($"The NSM answers {operation} with a response to {response.Operation}.");
    }

    internal static NsmDescription Description(NsmResponse response) => Expect(response, NsmOperation.DescribeNsm).Description!;

    internal static ReadOnlySpan<byte> Random(NsmResponse response)
    {
        var random = Expect(response, NsmOperation.GetRandom).Data;
        return random.IsEmpty ? throw Invalid("The NSM gives no random bytes.") : random;
    }

    internal static PcrDescription Register(NsmResponse response)
    {
        var register = Expect(response, NsmOperation.DescribePcr);
        return new PcrDescription(Value(register), register.IsLocked);
    }

    internal static PcrValue Extended(NsmResponse response) => Value(Expect(response, NsmOperation.ExtendPcr));

    internal static ReadOnlySpan<byte> Document(NsmResponse response)
    {
        var document = Expect(response, NsmOperation.Attestation).Data;
        return document.IsEmpty ? throw Invalid("The NSM gives an empty document.") : document;
    }

    static PcrValue Value(NsmResponse response) => response.Data.Length == PcrValue.Length
        ? new PcrValue(response.Data)
        : throw Invalid($"The NSM gives a register of {response.Data.Length} bytes, not {PcrValue.Length}.");

    static NsmException Refused(NsmResponse response, NsmOperation operation)
    {
        var name = Encoding.UTF8.GetString(response.ErrorName);
        return response.ErrorCode == NsmErrorCode.Success
            ? Invalid($"The NSM answers {operation} with the error Success.")
            : new NsmException(response.ErrorCode, name, $"The NSM refuses {operation}: {name}.");
    }

    static NsmException Invalid(string message) => new(NsmErrorCode.InvalidResponse, message);
}
