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
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(5);

    readonly SafeFileHandle _folder;

    RegistryLock(SafeFileHandle folder) => _folder = folder;

    /// <summary>Takes the lock; waits for at most ten seconds.</summary>
    /// <exception cref="EnclaveException">The folder cannot be opened, or somebody keeps the lock.</exception>
    public static RegistryLock Take(string path)
    {
        var folder = Interop.open(path, Interop.O_RDONLY | Interop.O_DIRECTORY | Interop.O_CLOEXEC, 0);
        if (folder.IsInvalid)
        {
            throw Unavailable(path, Marshal.GetLastPInvokeErrorMessage());
        }

        var since = Stopwatch.GetTimestamp();
        while (Interop.flock(folder, Interop.LOCK_EX | Interop.LOCK_NB) < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error is not (Interop.EWOULDBLOCK or Interop.EINTR) || Stopwatch.GetElapsedTime(since) > s_patience)
            {
                folder.Dispose();
                throw Unavailable(path, error == Interop.EWOULDBLOCK ? "another process keeps it locked" : Marshal.GetPInvokeErrorMessage(error));
            }

            Thread.Sleep(s_pause);
        }

        return new RegistryLock(folder);
    }

    public void Dispose() => _folder.Dispose();

    static EnclaveException Unavailable(string path, string reason) => new(
        EnclaveFailure.RegistryUnavailable, $"The folder of running enclaves, {path}, cannot be used: {reason}.");
}
