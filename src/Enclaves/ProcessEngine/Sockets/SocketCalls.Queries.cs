using System.Buffers.Binary;

namespace NitroEnclaves.Enclaves;

sealed partial class SocketCalls
{
    // vm_sockets.h
    const int BufferSize = 0;
    const int BufferMinimumSize = 1;
    const int BufferMaximumSize = 2;
    const int ConnectTimeout = 6;
    const int ConnectTimeoutNew = 8;

    const ulong DefaultBufferSize = 256 * 1024;
    const ulong DefaultBufferMinimumSize = 128;
    const ulong DefaultConnectTimeoutSeconds = 2;

    /// <summary>getsockname and getpeername(socket, address, length)</summary>
    public CallAnswer GetName(CallListener listener, in InterceptedCall call, bool ofPeer)
    {
        using var socket = Open(listener, call, out var state, out var answer);
        if (socket is null)
        {
            return answer;
        }

        lock (state)
        {
            if ((ofPeer ? state.Remote : state.Local) is not { } name)
            {
                return CallAnswer.Fail(Interop.Errno.ENOTCONN);
            }

            var error = VsockSocketAddress.Write(call.Thread, name, call.Argument1, call.Argument2);
            return error == 0 ? CallAnswer.Return(0) : CallAnswer.Fail(error);
        }
    }

    /// <summary>getsockopt(socket, level, name, value, length), where the filter hands it over</summary>
    public CallAnswer GetOption(CallListener listener, in InterceptedCall call)
    {
        using var socket = Open(listener, call, out var state, out var answer);
        if (socket is null)
        {
            return answer;
        }

        Span<byte> value = stackalloc byte[2 * sizeof(ulong)];
        value.Clear();
        if ((int)call.Argument1 == Interop.EnclaveSocket.AF_VSOCK)
        {
            return ReadVsockOption((int)call.Argument2, value) is var length and > 0 ? WriteOption(call, value[..length]) : CallAnswer.Fail(Interop.Errno.ENOPROTOOPT);
        }

        if ((int)call.Argument2 == Interop.EnclaveSocket.SO_DOMAIN)
        {
            BinaryPrimitives.WriteInt32LittleEndian(value, Interop.EnclaveSocket.AF_VSOCK);
            return WriteOption(call, value[..sizeof(int)]);
        }

        lock (state)
        {
            if (state.PendingError == 0)
            {
                return CallAnswer.Continue;
            }

            BinaryPrimitives.WriteInt32LittleEndian(value, state.PendingError);
            state.PendingError = 0;
            return WriteOption(call, value[..sizeof(int)]);
        }
    }

    /// <summary>setsockopt(socket, AF_VSOCK, name, value, length): sizes and time-outs have no effect here, as nothing waits for them.</summary>
    public CallAnswer SetOption(CallListener listener, in InterceptedCall call)
    {
        using var socket = Open(listener, call, out _, out var answer);
        return socket is null ? answer
            : (int)call.Argument2 is BufferSize or BufferMinimumSize or BufferMaximumSize or ConnectTimeout or ConnectTimeoutNew ? CallAnswer.Return(0)
            : CallAnswer.Fail(Interop.Errno.ENOPROTOOPT);
    }

    static int ReadVsockOption(int name, Span<byte> value)
    {
        switch (name)
        {
            case BufferSize or BufferMaximumSize:
                BinaryPrimitives.WriteUInt64LittleEndian(value, DefaultBufferSize);
                return sizeof(ulong);
            case BufferMinimumSize:
                BinaryPrimitives.WriteUInt64LittleEndian(value, DefaultBufferMinimumSize);
                return sizeof(ulong);
            case ConnectTimeout or ConnectTimeoutNew:
                BinaryPrimitives.WriteUInt64LittleEndian(value, DefaultConnectTimeoutSeconds);
                return 2 * sizeof(ulong);
            default:
                return 0;
        }
    }

    static CallAnswer WriteOption(in InterceptedCall call, ReadOnlySpan<byte> value)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        if (!TargetProcess.TryRead(call.Thread, call.Argument4, length))
        {
            return CallAnswer.Fail(Interop.Errno.EFAULT);
        }

        var room = BinaryPrimitives.ReadInt32LittleEndian(length);
        if (room < 0)
        {
            return CallAnswer.Fail(Interop.Errno.EINVAL);
        }

        var part = value[..int.Min(room, value.Length)];
        BinaryPrimitives.WriteInt32LittleEndian(length, part.Length);
        return (part.IsEmpty || TargetProcess.TryWrite(call.Thread, call.Argument3, part)) && TargetProcess.TryWrite(call.Thread, call.Argument4, length)
            ? CallAnswer.Return(0)
            : CallAnswer.Fail(Interop.Errno.EFAULT);
    }
}
