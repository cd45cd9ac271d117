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

    const int GroupIdOffset = 8;
    const int MostGroups = 1024;

    /// <summary>The peer's effective user and process.</summary>
    public static PeerCredentials Of(Socket socket)
    {
        Span<byte> ucred = stackalloc byte[UcredSize];
        socket.GetRawSocketOption(Interop.SOL_SOCKET, Interop.SO_PEERCRED, ucred);
        return new PeerCredentials(
            BinaryPrimitives.ReadInt32LittleEndian(ucred), BinaryPrimitives.ReadUInt32LittleEndian(ucred[UserIdOffset..]));
    }

    /// <summary>The peer's groups: its effective one and those beside it (<c>SO_PEERGROUPS</c>).</summary>
    /// <exception cref="SocketException">It has more than 1024.</exception>
    public static IReadOnlyList<uint> GroupsOf(Socket socket)
    {
        var bytes = new byte[MostGroups * sizeof(uint)];
        socket.GetRawSocketOption(Interop.SOL_SOCKET, Interop.SO_PEERCRED, bytes.AsSpan(0, UcredSize));
        var own = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(GroupIdOffset));
        var length = socket.GetRawSocketOption(Interop.SOL_SOCKET, Interop.SO_PEERGROUPS, bytes);
        return [own, .. System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(bytes.AsSpan(0, length))];
    }
}
