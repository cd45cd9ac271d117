using System.Globalization;
using System.Text;
using NitroEnclaves.Init;
using NitroEnclaves.Virtio;
using static NitroEnclaves.Enclaves.LaunchConstants;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// A program that is started inside an enclave that runs: in its namespaces, as its program's user, under its filter, on the standard
/// descriptors of whoever asked, so that a terminal there is the program's terminal.
/// </summary>
sealed class EnteringProgram : IDisposable
{
    const ulong Namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

    // What shells make of a program that a signal has ended.
    const int SignalStatus = 128;
    const int SignalMask = 0x7F;

    readonly LaunchControl _control;

    EnteringProgram(LaunchControl control) => _control = control;

    /// <summary>The process that has entered and waits until the enclave's supervisor has admitted it.</summary>
    public int ProcessId => _control.Process.Id;

    /// <summary>Enters an enclave; its program does not run yet.</summary>
    /// <param name="entrance">The enclave.</param>
    /// <param name="command">The program and its arguments; without a slash in its name it is looked for on the enclave's PATH.</param>
    /// <exception cref="EnclaveException">The enclave is gone, or cannot be entered (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    public static EnteringProgram Enter(EnclaveEntrance entrance, IReadOnlyList<string> command)
    {
        using var enclave = TargetProcess.OpenProcess(entrance.FirstProcess);
        if (enclave.IsInvalid)
        {
            throw new EnclaveException(EnclaveFailure.ProcessSpawn, "The enclave has ended.");
        }

        using SafeDescriptor input = new(0, ownsHandle: false), output = new(1, ownsHandle: false), error = new(2, ownsHandle: false);
        var control = LaunchControl.Start(Sequence(entrance, command), [input, output, error], null, enclave);
        try
        {
            if (control.Await() != LaunchSequence.FirstFreeDescriptor)
            {
                throw new EnclaveException(EnclaveFailure.ProcessSpawn, "The seccomp filter is not where it is expected; nothing was started.");
            }

            return new EnteringProgram(control);
        }
        catch
        {
            control.Process.Signal(Interop.SIGKILL);
            control.Dispose();
            throw;
        }
    }

    /// <summary>Lets the program run and waits for its end.</summary>
    /// <returns>Its exit status; where a signal has ended it, 128 and the signal's number, and 137 where the enclave has ended first.</returns>
    /// <exception cref="EnclaveException">It could not be started (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    public int Run()
    {
        _control.Go();
        _control.AwaitProgram();
        return _control.AwaitEnd() switch
        {
            null => SignalStatus + Interop.SIGKILL,
            { } status when (status & SignalMask) != 0 => SignalStatus + (status & SignalMask),
            { } status => status >> 8 & 0xFF,
        };
    }

    /// <summary>Ends the program, if it still runs.</summary>
    public void Dispose()
    {
        _control.Process.Signal(Interop.SIGKILL);
        _control.Dispose();
    }

    static LaunchProgram Sequence(EnclaveEntrance entrance, IReadOnlyList<string> command)
    {
        var sequence = new LaunchSequence();
        var word = sequence.Program.Add(new byte[sizeof(ulong)]);
        sequence.Call("enter the enclave", SystemCall.setns, LaunchSequence.EntranceDescriptor, Namespaces);
        // After that, because a change of user namespace forgets it.
        sequence.EndWithParent();
        sequence.ArrangeDescriptors();
        EnclaveLaunchSequence.InstallFilter(sequence, entrance.Filter, word);
        sequence.Fork(word, () =>
        {
            // A terminal's signals are for the program; who waits for it is not in its group.
            sequence.Try("leave the process group", SystemCall.setpgid, 0, 0);
            sequence.Call("close descriptors", SystemCall.close_range, 0, 2, 0);
            sequence.Call("close descriptors", SystemCall.close, LaunchSequence.OutcomeDescriptor);
            sequence.WaitAndExit(null);
        });

        var user = entrance.UserId is { } id ? new UserIdentity(id, entrance.GroupId, entrance.Groups) : null;
        var environment = new List<byte[]>(entrance.Environment);
        if (System.Environment.GetEnvironmentVariable("TERM") is { Length: > 0 } terminal && !environment.Any(variable => variable.AsSpan().StartsWith("TERM="u8)))
        {
            environment.Add(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"TERM={terminal}")));
        }

        var program = new EnclaveProgram(new ImageCommand([.. command.Select(Encoding.UTF8.GetBytes)], environment, entrance.WorkingDirectory, null), user);
        sequence.Execute(program, switchUser: user is not null, newSession: false);
        return sequence.Program;
    }
}
