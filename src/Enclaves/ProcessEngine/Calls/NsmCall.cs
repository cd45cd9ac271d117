using System.Buffers.Binary;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Answers the ioctl of <c>/dev/nsm</c> as Linux's driver does (nsm-and-attestation 1.1): takes the request out of the program's memory, has
/// the NSM carry it out, and writes the response and its length back. One per thread; a call allocates nothing.
/// </summary>
/// <remarks>struct nsm_raw: address and length of the request, address and length of the response, 64 bits each.</remarks>
sealed class NsmCall(INsmTransport nsm) : IDeviceCalls
{
    const int RawSize = 4 * sizeof(ulong);
    const int ResponseLengthOffset = 3 * sizeof(ulong);

    readonly byte[] _request = new byte[NsmLimits.MaxRequestLength];
    readonly byte[] _response = new byte[NsmLimits.MaxResponseLength];

    /// <inheritdoc/>
    public CallAnswer Answer(CallListener listener, in InterceptedCall call) => (uint)call.Argument1 == EnclaveFilter.NsmIoctl
        ? AnswerRequest(listener, call)
        : TargetProcess.PathOf(call.Thread, call.Descriptor) == "/dev/nsm" ? CallAnswer.Fail(Interop.Errno.EINVAL) : CallAnswer.Continue;

    CallAnswer AnswerRequest(CallListener listener, in InterceptedCall call)
    {
        Span<byte> raw = stackalloc byte[RawSize];
        if (!TargetProcess.TryRead(call.Thread, call.Argument2, raw))
        {
            return CallAnswer.Fail(Interop.Errno.EFAULT);
        }

        var (requestAddress, requestLength) = (BinaryPrimitives.ReadUInt64LittleEndian(raw), BinaryPrimitives.ReadUInt64LittleEndian(raw[8..]));
        var (responseAddress, room) = (BinaryPrimitives.ReadUInt64LittleEndian(raw[16..]), BinaryPrimitives.ReadUInt64LittleEndian(raw[24..]));
        if (requestLength > NsmLimits.MaxRequestLength)
        {
            return CallAnswer.Fail(Interop.Errno.EMSGSIZE);
        }

        var request = _request.AsSpan(0, (int)requestLength);
        if (!request.IsEmpty && !TargetProcess.TryRead(call.Thread, requestAddress, request))
        {
            return CallAnswer.Fail(Interop.Errno.EFAULT);
        }

        var length = Exchange(request);
        // The driver cuts a response to the program's room without a word.
        var answer = _response.AsSpan(0, (int)ulong.Min((ulong)length, room));
        BinaryPrimitives.WriteUInt64LittleEndian(raw, (ulong)answer.Length);
        if (!listener.IsWaiting(call))
        {
            return CallAnswer.Taken;
        }

        return (answer.IsEmpty || TargetProcess.TryWrite(call.Thread, responseAddress, answer))
            && TargetProcess.TryWrite(call.Thread, call.Argument2 + ResponseLengthOffset, raw[..sizeof(ulong)])
            ? CallAnswer.Return(0)
            : CallAnswer.Fail(Interop.Errno.EFAULT);
    }

    int Exchange(ReadOnlySpan<byte> request)
    {
        try
        {
            return nsm.Exchange(request, _response);
        }
        catch (Exception exception) when (exception is NsmException or IOException)
        {
            var code = exception is NsmException { Code: > NsmErrorCode.Success } refusal ? refusal.Code : NsmErrorCode.InternalError;
            NsmResponse.Error(code).TryEncode(_response, out var length);
            return length;
        }
    }
}
