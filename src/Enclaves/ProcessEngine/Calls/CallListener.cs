using System.Runtime.InteropServices;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The supervisor's end of a seccomp filter: receives the calls that the filter hands over and sends their answers. When it is closed, by
/// whatever end of this process, every such call fails with ENOSYS.
/// </summary>
/// <remarks>
/// It is closed when no process is left under the filter. Whoever answers a call then that had waited elsewhere, for a connection, finds nobody
/// waiting, as after the end of a thread.
/// </remarks>
sealed unsafe class CallListener : IDisposable
{
    // Unsafe because ioctl(2) takes addresses of structures, which live on the stack for the call.

    readonly SafeDescriptor _listener;

    /// <param name="listener">The descriptor that <c>seccomp(2)</c> returned to the filtered process.</param>
    public CallListener(SafeDescriptor listener)
    {
        _listener = listener;
        // Who waits for an answer is woken on the CPU that gives it (6.6); without it a round trip takes somewhat longer.
        _ = Interop.Seccomp.ioctl_value(
            listener, Interop.Seccomp.SECCOMP_IOCTL_NOTIF_SET_FLAGS, Interop.Seccomp.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    }

    /// <summary>Waits for the next call.</summary>
    /// <returns>False when no process is left under the filter, or the listener was closed.</returns>
    public bool TryReceive(out InterceptedCall call)
    {
        while (true)
        {
            var notification = default(Interop.Seccomp.seccomp_notif);
            if (Interop.Seccomp.ioctl(_listener, Interop.Seccomp.SECCOMP_IOCTL_NOTIF_RECV, &notification) == 0)
            {
                call = InterceptedCall.From(notification);
                return true;
            }

            // ENOENT: the caller was killed between its call and now, or nobody is left; which of the two, poll knows.
            if (Marshal.GetLastPInvokeError() is not (Interop.Errno.EINTR or Interop.Errno.ENOENT) || IsAbandoned())
            {
                call = default;
                return false;
            }
        }
    }

    /// <summary>Answers a call; nothing happens where its thread is gone.</summary>
    public void Answer(in InterceptedCall call, CallAnswer answer)
    {
        if (answer.Kind == CallAnswerKind.Taken)
        {
            return;
        }

        var response = new Interop.Seccomp.seccomp_notif_resp
        {
            id = call.Id,
            val = answer.Kind == CallAnswerKind.Return ? answer.Value : 0,
            error = answer.Kind == CallAnswerKind.Fail ? -answer.Value : 0,
            flags = answer.Kind == CallAnswerKind.Continue ? Interop.Seccomp.SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0,
        };
        _ = Request(Interop.Seccomp.SECCOMP_IOCTL_NOTIF_SEND, &response);
    }

    /// <summary>Whether the call still waits: what was opened by its thread's id before is then surely its.</summary>
    public bool IsWaiting(in InterceptedCall call)
    {
        var id = call.Id;
        return Request(Interop.Seccomp.SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
    }

    /// <summary>
    /// Gives the caller a descriptor of one of our files while its call waits. Close ours before the call is answered: a program that goes on
    /// and closes its own may count on that being the last.
    /// </summary>
    /// <returns>The answer to the call: the descriptor's number, or why there is none.</returns>
    public CallAnswer AddDescriptor(in InterceptedCall call, SafeHandle file, bool closeOnExec)
    {
        var addition = new Interop.Seccomp.seccomp_notif_addfd
        {
            id = call.Id,
            srcfd = (uint)file.DangerousGetHandle(),
            newfd_flags = closeOnExec ? (uint)Interop.O_CLOEXEC : 0,
        };
        while (true)
        {
            var number = Request(Interop.Seccomp.SECCOMP_IOCTL_NOTIF_ADDFD, &addition);
            if (number >= 0)
            {
                return CallAnswer.Return(number);
            }

            if (number != -Interop.Errno.EINTR)
            {
                return CallAnswer.Fail(-number);
            }
        }
    }

    public void Dispose() => _listener.Dispose();

    // What the call returns, or its error number below zero.
    int Request(nuint request, void* argument)
    {
        try
        {
            var result = Interop.Seccomp.ioctl(_listener, request, argument);
            return result >= 0 ? result : -Marshal.GetLastPInvokeError();
        }
        catch (ObjectDisposedException)
        {
            return -Interop.Errno.ENOENT;
        }
    }

    // Only asked by those who receive, the last of whom closes the listener.
    bool IsAbandoned()
    {
        const short ErrorOrEnd = 0x38; // POLLERR | POLLHUP | POLLNVAL
        var entry = new Interop.pollfd { fd = (int)_listener.DangerousGetHandle(), events = Interop.POLLIN };
        return Interop.poll(&entry, 1, 0) < 0 ? Marshal.GetLastPInvokeError() != Interop.Errno.EINTR : (entry.revents & ErrorOrEnd) != 0;
    }
}
