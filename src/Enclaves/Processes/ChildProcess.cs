using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// A child process with exactly the descriptors it is meant to have. One thread starts it and waits for its end: a parent-death signal
/// (<c>PR_SET_PDEATHSIG</c>) is bound to the thread that started a child, so that thread must live as long as the child.
/// </summary>
sealed class ChildProcess
{
    readonly Lock _lock = new();
    readonly TaskCompletionSource<ChildExit> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    bool _reaped;

    ChildProcess()
    {
    }

    /// <summary>The process id; it stays the child's until <see cref="Exit"/> is complete.</summary>
    public int Id { get; private set; }

    /// <summary>Completes when the child has ended.</summary>
    public Task<ChildExit> Exit => _exit.Task;

    /// <summary>Starts a child.</summary>
    /// <exception cref="EnclaveException">It could not be started (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    public static ChildProcess Start(ChildProcessStart start)
    {
        var child = new ChildProcess();
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() => child.StartAndWait(start, started))
        {
            IsBackground = true,
            Name = $"child {Path.GetFileName(start.FileName)}",
        };
        thread.Start();
        started.Task.GetAwaiter().GetResult();
        return child;
    }

    /// <summary>Sends a signal; nothing happens when the child has ended.</summary>
    public void Signal(int signal)
    {
        lock (_lock)
        {
            if (!_reaped)
            {
                _ = Interop.kill(Id, signal);
            }
        }
    }

    /// <summary>Waits for the end, but not longer than given; then kills.</summary>
    public async Task<ChildExit> EndAsync(TimeSpan patience)
    {
        await Task.WhenAny(Exit, Task.Delay(patience)).ConfigureAwait(false);
        Signal(Interop.SIGKILL);
        return await Exit.ConfigureAwait(false);
    }

    void StartAndWait(ChildProcessStart start, TaskCompletionSource started)
    {
        try
        {
            // A child inherits the CPUs of the thread that starts it, which is this one and serves nothing else.
            CpuAffinity.Set(start.CpuIds);
            Id = Spawn.Run(start);
        }
        catch (EnclaveException exception)
        {
            started.SetException(exception);
            return;
        }

        started.SetResult();
        _exit.SetResult(WaitForEnd());
    }

    unsafe ChildExit WaitForEnd()
    {
        // First only look (WNOWAIT): the id stays ours, so that Signal can never hit a stranger; then let it go under the lock.
        Interop.siginfo_t information;
        WaitFor(&information, Interop.WEXITED | Interop.WNOWAIT);
        lock (_lock)
        {
            WaitFor(&information, Interop.WEXITED);
            _reaped = true;
        }

        return information.si_code == Interop.CLD_EXITED
            ? new ChildExit(information.si_status, null)
            : new ChildExit(null, information.si_status);
    }

    // SAFETY: the structure lives on the caller's stack for the whole call.
    unsafe void WaitFor(Interop.siginfo_t* information, int options)
    {
        while (Interop.waitid(Interop.P_PID, Id, information, options) < 0)
        {
            if (Marshal.GetLastPInvokeError() != Interop.EINTR)
            {
                throw new InvalidOperationException($"The end of child {Id} cannot be waited for: {Marshal.GetLastPInvokeErrorMessage()}");
            }
        }
    }
}
