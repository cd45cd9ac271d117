using System.Net.Sockets;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Who may wait for an enclave's report at the owner of port 9000: who may also enter an enclave into the registry, which is who can write to
/// its folder. On a parent instance these are root and the group <c>ne</c>.
/// </summary>
static class HeartbeatRegistrants
{
    const uint Root = 0;
    const uint WritableByGroup = 0x10;
    const uint WritableByOthers = 0x2;

    /// <summary>Whether the process at the other end of a socket may wait.</summary>
    /// <param name="socket">A Unix socket.</param>
    /// <param name="folder">The registry's folder.</param>
    public static bool Permits(Socket socket, string folder)
    {
        try
        {
            var user = PeerCredentials.Of(socket).UserId;
            return user == Interop.geteuid()
                || (Interop.statx(Interop.AT_FDCWD, folder, 0, Interop.STATX_BASIC_STATS, out var status) == 0
                    && Permits(user, PeerCredentials.GroupsOf(socket), status.stx_uid, status.stx_gid, status.stx_mode));
        }
        catch (SocketException)
        {
            // More groups than can be looked at, or it is gone.
            return false;
        }
    }

    /// <summary>Whether a user of some groups can write to a folder with an owner, a group and a mode.</summary>
    internal static bool Permits(uint user, IReadOnlyList<uint> groups, uint owner, uint group, uint mode) =>
        user == Root || user == owner || (mode & WritableByOthers) != 0 || ((mode & WritableByGroup) != 0 && groups.Contains(group));
}
