using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary>Two Unix stream sockets that are connected to each other and have no name that anybody else could connect to.</summary>
sealed class SocketPair : IDisposable
{
    unsafe SocketPair()
    {
        // SAFETY: room for the two descriptors that the call writes.
        var descriptors = stackalloc int[2];
        if (Interop.socketpair(Interop.AF_UNIX, Interop.SOCK_STREAM | Interop.SOCK_CLOEXEC, 0, descriptors) < 0)
        {
            throw new EnclaveException(
                EnclaveFailure.ProcessSpawn, $"A pair of sockets cannot be made: {Marshal.GetLastPInvokeErrorMessage()}.");
        }

        Ours = new SafeSocketHandle(descriptors[0], ownsHandle: true);
        Theirs = new SafeSocketHandle(descriptors[1], ownsHandle: true);
    }

    /// <summary>The end that stays in this process.</summary>
    public SafeSocketHandle Ours { get; }

    /// <summary>The end that a child gets.</summary>
    public SafeSocketHandle Theirs { get; }

    public static SocketPair Create() => new();

    /// <summary>Gives our end away as a stream. Close their end once the child has it, or the child's end is never seen.</summary>
    public NetworkStream TakeStream() => new(new Socket(new SafeSocketHandle(TakeDescriptor(), ownsHandle: true)), ownsSocket: true);

    /// <summary>Gives our end away as a bare descriptor, which the taker then owns.</summary>
    public int TakeDescriptor() => Take(Ours);

    /// <summary>Gives their end away, to be used in this process.</summary>
    public SafeSocketHandle TakeTheirs() => new(Take(Theirs), ownsHandle: true);

    public void Dispose()
    {
        Ours.Dispose();
        Theirs.Dispose();
    }

    static int Take(SafeSocketHandle end)
    {
        var descriptor = (int)end.DangerousGetHandle();
        end.SetHandleAsInvalid();
        return descriptor;
    }
}
