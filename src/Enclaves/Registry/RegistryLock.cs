using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The lock over a registry's folder, held while entries are made, listed or removed. It is a lock on the folder itself, so it leaves
/// no file behind, and the kernel drops it when its holder dies.
/// </summary>
sealed class RegistryLock : IDisposable
{
    // Fifty enclaves that start at the same time on two processors need the lock some hundred times, and all of them are slow then.
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(5);
    static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(40);

    readonly SafeFileHandle _folder;

    RegistryLock(SafeFileHandle folder) => _folder = folder;

    /// <summary>Takes the lock; waits for at most a minute.</summary>
    /// <exception cref="EnclaveException">The folder cannot be opened, or somebody keeps the lock.</exception>
    public static RegistryLock Take(string path)
    {
        var folder = Interop.open(path, Interop.O_RDONLY | Interop.O_DIRECTORY | Interop.O_CLOEXEC, 0);
        if (folder.IsInvalid)
        {
            throw Unavailable(path, Marshal.GetLastPInvokeErrorMessage());
        }

        var since = Stopwatch.GetTimestamp();
        var pause = s_firstPause;
        while (Interop.flock(folder, Interop.LOCK_EX | Interop.LOCK_NB) < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error is not (Interop.EWOULDBLOCK or Interop.EINTR) || Stopwatch.GetElapsedTime(since) > s_patience)
            {
                folder.Dispose();
                throw Unavailable(path, error == Interop.EWOULDBLOCK ? "another process keeps it locked" : Marshal.GetPInvokeErrorMessage(error));
            }

            Thread.Sleep(pause);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
        }

        return new RegistryLock(folder);
    }

    public void Dispose() => _folder.Dispose();

    static EnclaveException Unavailable(string path, string reason) => new(
        EnclaveFailure.RegistryUnavailable, $"The folder of running enclaves, {path}, cannot be used: {reason}.");
}
