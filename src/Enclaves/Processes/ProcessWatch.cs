using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Enclaves;

/// <summary>Watches a process that is not a child of ours, by a descriptor that stays its own when its id is given away again (pidfd).</summary>
sealed class ProcessWatch : IDisposable
{
    readonly SafeFileHandle _process;
    readonly bool _isSelf;

    ProcessWatch(SafeFileHandle process, bool isSelf) => (_process, _isSelf) = (process, isSelf);

    /// <summary>Opens a process; one that is gone already, or in another namespace, is watched as one that has ended.</summary>
    public static ProcessWatch Open(int id) =>
        new(new SafeFileHandle((nint)Interop.syscall(Interop.SYS_pidfd_open, id, 0), ownsHandle: true), id == Environment.ProcessId);

    /// <summary>Waits for the process's end, for a bounded time. An end that has not been collected by its parent yet counts.</summary>
    /// <returns>Whether it has ended.</returns>
    public Task<bool> WaitAsync(TimeSpan patience) =>
        _process.IsInvalid ? Task.FromResult(true) : _isSelf ? Task.FromResult(false) : Task.Run(() => DescriptorPoll.Await(_process, Interop.POLLIN, patience));

    public void Dispose() => _process.Dispose();
}
