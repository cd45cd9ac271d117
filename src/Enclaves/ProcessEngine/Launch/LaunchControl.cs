using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>The supervisor's side of a <see cref="LaunchProgram"/>: starts it and goes through its stages. Calls block.</summary>
sealed unsafe class LaunchControl : IDisposable
{
    // Unsafe because recv(2) and send(2) take addresses, of spans that are fixed meanwhile.

    const int LongestMessage = 128 * 1024;

    readonly LaunchProgram _program;
    readonly SafeDescriptor _control;
    readonly SafeDescriptor _outcome;

    LaunchControl(LaunchProgram program, ChildProcess process, SafeDescriptor control, SafeDescriptor outcome) =>
        (_program, Process, _control, _outcome) = (program, process, control, outcome);

    /// <summary>The process that was started.</summary>
    public ChildProcess Process { get; }

    /// <summary>Starts a launch program.</summary>
    /// <param name="program">The program.</param>
    /// <param name="standard">What becomes standard input, output and error.</param>
    /// <param name="cpuIds">The CPUs on which it and all that it starts stays; null for any.</param>
    /// <param name="entrance">The process whose namespaces it enters, from its caller's session; null starts it in a session of its own.</param>
    /// <exception cref="EnclaveException">It cannot be started (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    public static LaunchControl Start(
        LaunchProgram program, IReadOnlyList<SafeHandle> standard, IReadOnlyList<uint>? cpuIds, SafeHandle? entrance = null)
    {
        var (control, theirControl) = CreatePair();
        var (outcome, theirOutcome) = CreatePair();
        using (theirControl)
        using (theirOutcome)
        using (var executable = Executable(program))
        {
            try
            {
                var process = ChildProcess.Start(new ChildProcessStart
                {
                    FileName = $"/proc/self/fd/{LaunchSequence.ProgramDescriptor}",
                    Environment = new Dictionary<string, string>(),
                    Descriptors = [theirControl, theirOutcome, executable, .. standard, .. entrance is null ? Array.Empty<SafeHandle>() : [entrance]],
                    CpuIds = cpuIds,
                    NewSession = entrance is null,
                });
                return new LaunchControl(program, process, control, outcome);
            }
            catch
            {
                control.Dispose();
                outcome.Dispose();
                throw;
            }
        }
    }

    /// <summary>Waits for a stage's word.</summary>
    /// <exception cref="EnclaveException">A step before it failed, or the program was killed (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    public long Await()
    {
        var message = Receive(_control);
        return message.Length == sizeof(long) ? BinaryPrimitives.ReadInt64LittleEndian(message) : throw Failure(message, EnclaveFailure.ProcessSpawn);
    }

    /// <summary>Lets the program go on.</summary>
    public void Go()
    {
        byte go = 1;
        _ = Interop.UnixSocket.send(_control, &go, 1, Interop.UnixSocket.MSG_NOSIGNAL);
    }

    /// <summary>Waits until the enclave's program runs.</summary>
    /// <exception cref="EnclaveException">It could not be started (<see cref="EnclaveFailure.BootFailure"/>).</exception>
    public void AwaitProgram()
    {
        var message = Receive(_outcome);
        if (message.Length > 0)
        {
            throw Failure(message, EnclaveFailure.BootFailure);
        }
    }

    /// <summary>Waits for the end of the enclave's program.</summary>
    /// <returns>Its status as <c>wait</c> gives it; null where everything was killed before anybody could say.</returns>
    public int? AwaitEnd()
    {
        var message = Receive(_control);
        return message.Length == sizeof(long) ? BinaryPrimitives.ReadInt32LittleEndian(message) : null;
    }

    /// <summary>The step that has failed, by a message in a word's place; null where the message is none.</summary>
    public (LaunchStep Step, int Error)? ReadFailure()
    {
        var message = Receive(_control);
        return _program.ReadReport(message);
    }

    public void Dispose()
    {
        _control.Dispose();
        _outcome.Dispose();
    }

    EnclaveException Failure(ReadOnlySpan<byte> message, EnclaveFailure reason) => _program.ReadReport(message) is { } failure
        ? new EnclaveException(
            reason, $"The process engine cannot {failure.Step.Purpose}: {Marshal.GetPInvokeErrorMessage(failure.Error)}{Hint(failure.Step, failure.Error)}.")
        : new EnclaveException(reason, "The enclave's first process was killed before the enclave's program ran.");

    static string Hint(LaunchStep step, int error) => step.Call == SystemCall.execve && error == Interop.Errno.ENOENT
        ? " (the file, or the loader or interpreter that it names, is missing from the image)"
        : "";

    static byte[] Receive(SafeDescriptor socket)
    {
        var buffer = new byte[LongestMessage];
        fixed (byte* start = buffer)
        {
            nint length;
            do
            {
                length = Interop.UnixSocket.recv(socket, start, (nuint)buffer.Length, 0);
            }
            while (length < 0 && Marshal.GetLastPInvokeError() == Interop.Errno.EINTR);
            return buffer[..(int)nint.Max(length, 0)];
        }
    }

    static (SafeDescriptor Ours, SafeDescriptor Theirs) CreatePair()
    {
        var ends = stackalloc int[2];
        return Interop.UnixSocket.socketpair(Interop.AF_UNIX, Interop.EnclaveSocket.SOCK_SEQPACKET | Interop.SOCK_CLOEXEC, 0, ends) == 0
            ? (new SafeDescriptor(ends[0]), new SafeDescriptor(ends[1]))
            : throw new EnclaveException(EnclaveFailure.ProcessSpawn, $"A pair of sockets cannot be made: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    // Opened once more for reading: a file that somebody has open for writing is not executed.
    static SafeFileHandle Executable(LaunchProgram program)
    {
        using var file = Memory.Create("enclave launch");
        RandomAccess.Write(file, program.ToExecutable(LaunchSequence.ControlDescriptor, LaunchSequence.OutcomeDescriptor), 0);
        var executable = Interop.open(Memory.PathOf(file), Interop.O_RDONLY | Interop.O_CLOEXEC, 0);
        return !executable.IsInvalid
            ? executable
            : throw new EnclaveException(EnclaveFailure.ProcessSpawn, $"The launch program cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}.");
    }
}
