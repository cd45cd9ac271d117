using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The AF_VSOCK sockets of an enclave's programs, by the number that the kernel gives to every socket once (SO_COOKIE). Nobody tells us
/// when a program closes one, so the table is compared now and then with what the kernel has open.
/// </summary>
sealed unsafe class EnclaveSocketTable
{
    // Unsafe because getsockopt(2) and statx(2) fill memory by address; each is on the stack.

    const int LeastSweep = 1024;
    const int StatxSize = 256;
    const int StatxInodeOffset = 32;

    readonly ConcurrentDictionary<ulong, EnclaveSocketState> _sockets = new();
    readonly Func<HashSet<ulong>> _openSockets;
    readonly Lock _sweeping = new();
    int _nextSweep = LeastSweep;

    public EnclaveSocketTable()
        : this(ReadOpenSockets)
    {
    }

    internal EnclaveSocketTable(Func<HashSet<ulong>> openSockets) => _openSockets = openSockets;

    /// <summary>How many sockets the table has, closed ones that were not noticed yet among them.</summary>
    public int Count => _sockets.Count;

    /// <summary>Enters a socket.</summary>
    public EnclaveSocketState Add(SafeHandle socket, bool keepsMessages = false)
    {
        var state = new EnclaveSocketState { Inode = InodeOf(socket), KeepsMessages = keepsMessages };
        _sockets[CookieOf(socket)] = state;
        if (_sockets.Count >= Volatile.Read(ref _nextSweep))
        {
            Sweep();
        }

        return state;
    }

    /// <summary>The state of a socket; null where it is none of the enclave's AF_VSOCK sockets.</summary>
    public EnclaveSocketState? Find(SafeHandle socket) => CookieOf(socket) is var cookie and not 0 ? _sockets.GetValueOrDefault(cookie) : null;

    // The cost of a sweep is shared by the thousand or more sockets that were made since the last.
    void Sweep()
    {
        lock (_sweeping)
        {
            if (_sockets.Count < _nextSweep)
            {
                return;
            }

            // Listed first, read second: what is made meanwhile is not in the list and stays.
            var known = _sockets.ToArray();
            var open = _openSockets();
            foreach (var (cookie, state) in known)
            {
                if (!open.Contains(state.Inode))
                {
                    _sockets.TryRemove(cookie, out _);
                }
            }

            _nextSweep = int.Max(LeastSweep, 2 * _sockets.Count);
        }
    }

    static ulong CookieOf(SafeHandle socket)
    {
        ulong cookie = 0;
        uint length = sizeof(ulong);
        return Interop.EnclaveSocket.getsockopt(socket, Interop.SOL_SOCKET, Interop.EnclaveSocket.SO_COOKIE, &cookie, &length) == 0 ? cookie : 0;
    }

    static ulong InodeOf(SafeHandle socket)
    {
        var status = stackalloc byte[StatxSize];
        byte empty = 0;
        return Interop.EnclaveSocket.statx(
            (int)socket.DangerousGetHandle(), &empty, Interop.EnclaveSocket.AT_EMPTY_PATH, Interop.EnclaveSocket.STATX_INO, status) == 0
            ? Unsafe.ReadUnaligned<ulong>(status + StatxInodeOffset)
            : 0;
    }

    // Num RefCount Protocol Flags Type St Inode [Path]
    static HashSet<ulong> ReadOpenSockets()
    {
        var open = new HashSet<ulong>();
        foreach (var line in File.ReadLines("/proc/net/unix"))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length >= 7 && ulong.TryParse(fields[6], NumberStyles.None, CultureInfo.InvariantCulture, out var inode))
            {
                open.Add(inode);
            }
        }

        return open;
    }
}
