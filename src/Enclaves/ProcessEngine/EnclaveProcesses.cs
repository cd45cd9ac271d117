using System.Runtime.InteropServices;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>The processes of an enclave, held by process 1 of their namespace: when that ends, the kernel has ended all of them.</summary>
sealed class EnclaveProcesses
{
    readonly SafeDescriptor _first;
    readonly Task<ResourceGroup?> _group;

    // Control groups wait for all CPUs of the machine, milliseconds in which the root is mounted and filled.
    EnclaveProcesses(int firstProcess, SafeDescriptor first, EnclaveLaunch launch)
    {
        (FirstProcess, _first) = (firstProcess, first);
        _group = Task.Run(() => ResourceGroup.TryCreate(launch.Id, launch.MemoryMiB, firstProcess));
    }

    /// <summary>Process 1 of the enclave, by its id on this machine.</summary>
    public int FirstProcess { get; }

    /// <summary>
    /// Takes hold of a new enclave's first process, which waits for our word, and begins to limit it where this user may do so.
    /// </summary>
    /// <exception cref="EnclaveException">The process is gone (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    public static EnclaveProcesses Open(int firstProcess, EnclaveLaunch launch)
    {
        var first = TargetProcess.OpenProcess(firstProcess);
        return first.IsInvalid
            ? throw new EnclaveException(EnclaveFailure.ProcessSpawn, "The enclave's first process is gone before it has begun.")
            : new EnclaveProcesses(firstProcess, first, launch);
    }

    /// <summary>Waits until the limits hold for whatever the first process will start.</summary>
    public void AwaitLimits() => _group.GetAwaiter().GetResult();

    /// <summary>Whether a process of this machine is in the enclave's namespaces.</summary>
    public bool HasEntered(int process) => ((string[])["user", "mnt", "net"]).All(
        kind => TargetProcess.NamespaceOf(process, kind) is { } theirs && theirs == TargetProcess.NamespaceOf(FirstProcess, kind));

    /// <summary>Limits a process as the others are limited.</summary>
    public void Limit(int process) => _group.GetAwaiter().GetResult()?.Add(process);

    /// <summary>A copy of a descriptor of the first process.</summary>
    /// <exception cref="EnclaveException">It has none of that number, or we may not have it (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    public SafeDescriptor TakeDescriptor(int number)
    {
        var copy = (int)Interop.Target.syscall(Interop.Target.SYS_pidfd_getfd, _first.DangerousGetHandle(), number, 0);
        return copy >= 0
            ? new SafeDescriptor(copy)
            : throw new EnclaveException(
                EnclaveFailure.ProcessSpawn, $"A descriptor of the enclave's first process cannot be had: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    /// <summary>Kills all of them; nothing happens where they have ended.</summary>
    public void Kill()
    {
        var isHeld = false;
        try
        {
            // Held: End may come meanwhile, and the number must not be another file's by then.
            _first.DangerousAddRef(ref isHeld);
            _ = Interop.Target.syscall(Interop.Target.SYS_pidfd_send_signal, _first.DangerousGetHandle(), Interop.SIGKILL, 0, 0);
        }
        catch (ObjectDisposedException)
        {
            // They have ended.
        }
        finally
        {
            if (isHeld)
            {
                _first.DangerousRelease();
            }
        }
    }

    /// <summary>Kills all of them, waits until they are gone, and removes what limited them.</summary>
    /// <returns>How many of them the kernel had killed before, because the enclave's memory was full.</returns>
    public int End(TimeSpan patience)
    {
        Kill();
        _ = DescriptorPoll.Await(_first, Interop.POLLIN, patience);
        _first.Dispose();
        var group = _group.GetAwaiter().GetResult();
        var kills = group?.OutOfMemoryKills ?? 0;
        group?.Remove();
        return kills;
    }
}
