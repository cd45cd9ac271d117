using System.Buffers.Binary;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary><c>struct sockaddr_vm</c> in a program's memory: family (u16), reserved (u16), port (u32), CID (u32), four more bytes.</summary>
static class VsockSocketAddress
{
    /// <summary>Bytes of the structure.</summary>
    public const int Size = 16;

    /// <summary>Reads an address that a program hands over.</summary>
    /// <param name="thread">The program's thread.</param>
    /// <param name="address">Where it stands.</param>
    /// <param name="length">How long the program says it is.</param>
    /// <param name="endPoint">The address.</param>
    /// <returns>0, or the error number.</returns>
    public static int Read(int thread, ulong address, ulong length, out VsockEndPoint endPoint)
    {
        endPoint = VsockPeerName.Unknown;
        if ((uint)length < Size)
        {
            return Interop.Errno.EINVAL;
        }

        Span<byte> bytes = stackalloc byte[Size];
        if (!TargetProcess.TryRead(thread, address, bytes))
        {
            return Interop.Errno.EFAULT;
        }

        endPoint = new VsockEndPoint(BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]));
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes) == Interop.EnclaveSocket.AF_VSOCK ? 0 : Interop.Errno.EAFNOSUPPORT;
    }

    /// <summary>Writes an address where a program wants it: as much as it has room for, and the true length.</summary>
    /// <param name="thread">The program's thread.</param>
    /// <param name="endPoint">The address.</param>
    /// <param name="address">Where it goes to; nothing is written to null.</param>
    /// <param name="lengthAddress">Where the room stands, and the length is put.</param>
    /// <returns>0, or the error number.</returns>
    public static int Write(int thread, VsockEndPoint endPoint, ulong address, ulong lengthAddress)
    {
        if (address == 0)
        {
            return 0;
        }

        Span<byte> length = stackalloc byte[sizeof(uint)];
        if (!TargetProcess.TryRead(thread, lengthAddress, length))
        {
            return Interop.Errno.EFAULT;
        }

        var room = BinaryPrimitives.ReadInt32LittleEndian(length);
        if (room < 0)
        {
            return Interop.Errno.EINVAL;
        }

        Span<byte> bytes = stackalloc byte[Size];
        bytes.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, Interop.EnclaveSocket.AF_VSOCK);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], endPoint.Port);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], endPoint.Cid);
        BinaryPrimitives.WriteInt32LittleEndian(length, Size);
        var part = bytes[..int.Min(room, Size)];
        return (part.IsEmpty || TargetProcess.TryWrite(thread, address, part)) && TargetProcess.TryWrite(thread, lengthAddress, length)
            ? 0
            : Interop.Errno.EFAULT;
    }
}
