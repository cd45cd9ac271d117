using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// A terminal without a screen: the enclave's console. Programs see a terminal there, as on the serial console of a machine, and so write
/// line by line.
/// </summary>
sealed unsafe class PseudoTerminal : IDisposable
{
    // Unsafe because ioctl(2) takes addresses of numbers on the stack.

    bool _isCopied;

    PseudoTerminal(SafeFileHandle ours, SafeFileHandle theirs, int number) => (Ours, Theirs, Number) = (ours, theirs, number);

    /// <summary>Our end, from which the output is read.</summary>
    public SafeFileHandle Ours { get; }

    /// <summary>The end that programs write to; closed once the enclave has it.</summary>
    public SafeFileHandle Theirs { get; }

    /// <summary>The number below <c>/dev/pts</c>.</summary>
    public int Number { get; }

    /// <summary>Makes a terminal.</summary>
    /// <exception cref="EnclaveException">There is none to be had (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    public static PseudoTerminal Open()
    {
        var ours = Interop.open("/dev/ptmx", Interop.O_RDWR | Interop.Terminal.O_NOCTTY | Interop.O_CLOEXEC, 0);
        int unlock = 0, number = 0;
        var peer = -1;
        if (!ours.IsInvalid && Interop.Terminal.ioctl(ours, Interop.Terminal.TIOCSPTLCK, &unlock) == 0
            && Interop.Terminal.ioctl(ours, Interop.Terminal.TIOCGPTN, &number) == 0)
        {
            peer = Interop.Terminal.ioctl_value(
                ours, Interop.Terminal.TIOCGPTPEER, Interop.O_RDWR | Interop.Terminal.O_NOCTTY | Interop.O_CLOEXEC);
        }

        if (peer >= 0)
        {
            return new PseudoTerminal(ours, new SafeFileHandle(peer, ownsHandle: true), number);
        }

        var reason = Marshal.GetLastPInvokeErrorMessage();
        ours.Dispose();
        throw new EnclaveException(EnclaveFailure.ProcessSpawn, $"A terminal for the enclave's console cannot be made: {reason}.");
    }

    /// <summary>Reads output on a thread of its own until nobody has the other end any more; our end is then closed.</summary>
    public Task CopyAsync(Action<ReadOnlyMemory<byte>> output)
    {
        _isCopied = true;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            var buffer = new byte[16 * 1024];
            try
            {
                using var stream = new FileStream(Ours, FileAccess.Read, bufferSize: 0);
                for (int read; (read = stream.Read(buffer)) > 0;)
                {
                    output(buffer.AsMemory(0, read));
                }
            }
            catch (Exception exception) when (exception is IOException or ObjectDisposedException)
            {
                // EIO is how the last close of the other end is told.
            }

            done.SetResult();
        })
        { Name = "enclave console", IsBackground = true }.Start();
        return done.Task;
    }

    public void Dispose()
    {
        Theirs.Dispose();
        if (!_isCopied)
        {
            Ours.Dispose();
        }
    }
}
