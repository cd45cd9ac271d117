using System.Buffers.Binary;
using System.Net.Sockets;

namespace NitroEnclaves.Enclaves;

/// <summary>Who is at the other end of a Unix socket, as the kernel says (<c>SO_PEERCRED</c>).</summary>
/// <param name="ProcessId">The process that connected.</param>
/// <param name="UserId">Its effective user.</param>
readonly record struct PeerCredentials(int ProcessId, uint UserId)
{
    // struct ucred: pid, uid, gid, 32 bits each.
    const int UcredSize = 12;
    const int UserIdOffset = 4;

    public static PeerCredentials Of(Socket socket)
    {
        Span<byte> ucred = stackalloc byte[UcredSize];
        socket.GetRawSocketOption(Interop.SOL_SOCKET, Interop.SO_PEERCRED, ucred);
        return new PeerCredentials(
            BinaryPrimitives.ReadInt32LittleEndian(ucred), BinaryPrimitives.ReadUInt32LittleEndian(ucred[UserIdOffset..]));
    }
}
