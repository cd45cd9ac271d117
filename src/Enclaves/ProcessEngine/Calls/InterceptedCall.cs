namespace NitroEnclaves.Enclaves;

/// <summary>A system call of a program in the enclave that waits for the supervisor's answer.</summary>
/// <param name="Id">Names the call to the kernel, until it is answered or its thread is gone.</param>
/// <param name="Thread">The thread that makes the call, as this process sees it; a thread's id, not a process's.</param>
/// <param name="Number">Which call.</param>
/// <param name="Argument0">The first argument.</param>
/// <param name="Argument1">The second.</param>
/// <param name="Argument2">The third.</param>
/// <param name="Argument3">The fourth.</param>
/// <param name="Argument4">The fifth.</param>
readonly record struct InterceptedCall(
    ulong Id, int Thread, int Number, ulong Argument0, ulong Argument1, ulong Argument2, ulong Argument3, ulong Argument4)
{
    /// <summary>The first argument of calls on descriptors.</summary>
    public int Descriptor => (int)Argument0;

    /// <summary>Takes what the kernel has sent.</summary>
    internal static unsafe InterceptedCall From(in Interop.Seccomp.seccomp_notif notification) => new(
        notification.id, (int)notification.pid, notification.nr, notification.args[0], notification.args[1], notification.args[2],
        notification.args[3], notification.args[4]);
}
