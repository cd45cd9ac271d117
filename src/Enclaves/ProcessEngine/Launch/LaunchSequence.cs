using static NitroEnclaves.Enclaves.LaunchConstants;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The steps of a <see cref="LaunchProgram"/> that every launch has, in the words of the launch. The descriptors are fixed: the supervisor
/// hands them over in this order.
/// </summary>
sealed class LaunchSequence
{
    /// <summary>A packet socket to the supervisor: every stage sends a word of 8 bytes, and goes on when it gets a byte.</summary>
    public const int ControlDescriptor = 3;

    /// <summary>A packet socket that closes when the program runs, and says before what kept it from it.</summary>
    public const int OutcomeDescriptor = 4;

    /// <summary>The launch program itself.</summary>
    public const int ProgramDescriptor = 5;

    /// <summary>The first of three: what becomes the program's standard input, output and error.</summary>
    public const int StandardDescriptor = 6;

    /// <summary>The process whose namespaces a launch enters, where it enters any.</summary>
    public const int EntranceDescriptor = 9;

    /// <summary>The lowest number that is free once the standard descriptors are in their places.</summary>
    public const int FirstFreeDescriptor = 5;

    /// <summary>The mode mask of programs: 022.</summary>
    public const ulong ModeMask = 0x12;

    readonly ulong _byte;

    public LaunchSequence() => _byte = Program.Add([0]);

    /// <summary>The program to which steps are added.</summary>
    public LaunchProgram Program { get; } = new();

    /// <summary>Adds a call.</summary>
    public LaunchStep Call(string purpose, SystemCall call, params ulong[] arguments) =>
        Program.Add(new LaunchStep { Call = call, Arguments = arguments, Purpose = purpose });

    /// <summary>Adds a call whose failure does not matter.</summary>
    public LaunchStep Try(string purpose, SystemCall call, params ulong[] arguments) =>
        Program.Add(new LaunchStep { Call = call, Arguments = arguments, Purpose = purpose, IsErrorTolerated = true });

    /// <summary>Adds a call in whose place the next one is made when it fails.</summary>
    public LaunchStep Prefer(string purpose, SystemCall call, params ulong[] arguments) =>
        Program.Add(new LaunchStep { Call = call, Arguments = arguments, Purpose = purpose, HasAlternative = true });

    /// <summary>The death of the parent kills the process from here on.</summary>
    public void EndWithParent() => Call("end with the supervisor", SystemCall.prctl, PR_SET_PDEATHSIG, SIGKILL);

    /// <summary>Puts the standard descriptors into their places and closes what else is open.</summary>
    public void ArrangeDescriptors()
    {
        for (var target = 0; target < 3; target++)
        {
            Call("set up standard descriptors", SystemCall.dup3, (ulong)(StandardDescriptor + target), (ulong)target, 0);
        }

        Call("close other descriptors", SystemCall.close_range, ProgramDescriptor, uint.MaxValue, 0);
    }

    /// <summary>Sends a word of the program's memory to the supervisor.</summary>
    public void Send(ulong address) => Call("report to the supervisor", SystemCall.write, ControlDescriptor, address, sizeof(ulong));

    /// <summary>Waits for the supervisor's byte; without one, because the supervisor is gone or has given up, the process exits.</summary>
    public void AwaitGo()
    {
        var wait = Call("hear from the supervisor", SystemCall.read, ControlDescriptor, _byte, 1);
        wait.Expected = 1;
        var exit = Call("exit", SystemCall.exit_group, 1);
        wait.OnOther = exit;
        wait.OnExpected = Program.Add(new LaunchStep { Call = SystemCall.umask, Arguments = [ModeMask], Purpose = "set the mode mask" });
    }

    /// <summary>
    /// Forks; the child goes on with the next step, and the process that waits for it with what <paramref name="parent"/> adds, which must
    /// end in an exit.
    /// </summary>
    public LaunchStep Fork(ulong resultAddress, Action parent)
    {
        var fork = Program.Add(new LaunchStep
        {
            Call = SystemCall.clone,
            Arguments = [SIGCHLD, 0, 0, 0, 0],
            Purpose = "fork",
            Expected = 0,
            ResultAddress = resultAddress,
        });
        parent();
        fork.OnExpected = EndWithParentIn();
        return fork;

        LaunchStep EndWithParentIn() =>
            Program.Add(new LaunchStep { Call = SystemCall.prctl, Arguments = [PR_SET_PDEATHSIG, SIGKILL], Purpose = "end with the parent" });
    }

    /// <summary>
    /// Waits until a child ends and collects all others that end meanwhile; sends how it ended to the supervisor and exits.
    /// </summary>
    /// <param name="child">The child's process id, where it is known beforehand; null takes whichever ends first.</param>
    public void WaitAndExit(long? child)
    {
        var status = Program.Add(new byte[sizeof(ulong)]);
        var wait = Call("wait for the program", SystemCall.wait4, unchecked((ulong)-1L), status, 0, 0);
        wait.OnError = wait;
        if (child is { } id)
        {
            wait.Expected = id;
            wait.OnOther = wait;
            wait.OnExpected = Program.Add(new LaunchStep
            {
                Call = SystemCall.write,
                Arguments = [ControlDescriptor, status, sizeof(ulong)],
                Purpose = "report the end",
                IsErrorTolerated = true,
            });
        }
        else
        {
            Try("report the end", SystemCall.write, ControlDescriptor, status, sizeof(ulong));
        }

        Call("exit", SystemCall.exit_group, 0);
    }

    /// <summary>Becomes the user of the image and starts its program, which closes the outcome's socket.</summary>
    /// <param name="program">What to run.</param>
    /// <param name="switchUser">Whether the process has to change its identity; false where it has the right one.</param>
    /// <param name="newSession">Whether the program leads a session, as the program of an image does, or stays in that of a terminal.</param>
    public void Execute(EnclaveProgram program, bool switchUser, bool newSession = true)
    {
        if (newSession)
        {
            Call("begin a session", SystemCall.setsid);
        }

        Call("keep the supervisor's socket from the program", SystemCall.close, ControlDescriptor);
        Call("hear of the program's start", SystemCall.fcntl, OutcomeDescriptor, F_SETFD, FD_CLOEXEC);
        if (switchUser)
        {
            Become(program.User!);
        }

        var command = program.Command;
        Call($"enter the working directory {command.WorkingDirectory}", SystemCall.chdir, Program.Add(command.WorkingDirectory));
        var arguments = Program.AddArray(command.Arguments);
        var environment = Program.AddArray(command.Environment);
        LaunchStep? previous = null;
        foreach (var candidate in program.Candidates)
        {
            var execute = Call($"start {program.Name}", SystemCall.execve, Program.Add(candidate), arguments, environment);
            previous?.OnError = execute;
            previous = execute;
        }
    }

    void Become(Init.UserIdentity user)
    {
        var groups = new byte[Math.Max(1, user.SupplementaryGroups.Count) * sizeof(uint)];
        for (var index = 0; index < user.SupplementaryGroups.Count; index++)
        {
            BitConverter.TryWriteBytes(groups.AsSpan(index * sizeof(uint)), user.SupplementaryGroups[index]);
        }

        Call("take the groups of the image's user", SystemCall.setgroups, (ulong)user.SupplementaryGroups.Count, Program.Add(groups));
        Call($"become group {user.GroupId}", SystemCall.setresgid, user.GroupId, user.GroupId, user.GroupId);
        Call($"become user {user.UserId}", SystemCall.setresuid, user.UserId, user.UserId, user.UserId);
    }
}
