namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// What calls find whose supervisor is gone, made by a program that lives on under the filter: of an enclave's programs none does for longer
/// than milliseconds. The listener is closed here as the kernel closes a killed supervisor's.
/// </summary>
public sealed class FailClosedTests
{
    const long NotImplemented = -38;
    const int AnyProcess = 110; // getppid

    // None is on a socket, so that not even a missing filter would lead to this machine's own vsock.
    static readonly (string Name, int Number, ulong[] Arguments)[] s_calls =
    [
        ("ioctl of /dev/nsm", CallNumbers.X64.Ioctl, [ulong.MaxValue, EnclaveFilter.NsmIoctl, 0]),
        ("ioctl of /dev/vsock", CallNumbers.X64.Ioctl, [ulong.MaxValue, EnclaveFilter.LocalCidIoctl, 0]),
        ("bind", CallNumbers.X64.Bind, [ulong.MaxValue, 0, 0]),
        ("connect", CallNumbers.X64.Connect, [ulong.MaxValue, 0, 0]),
        ("accept", CallNumbers.X64.Accept, [ulong.MaxValue, 0, 0]),
        ("accept4", CallNumbers.X64.Accept4, [ulong.MaxValue, 0, 0, 0]),
        ("getsockname", CallNumbers.X64.GetSocketName, [ulong.MaxValue, 0, 0]),
        ("getpeername", CallNumbers.X64.GetPeerName, [ulong.MaxValue, 0, 0]),
        ("getsockopt SO_ERROR", CallNumbers.X64.GetSocketOption, [ulong.MaxValue, 1, 4, 0, 0]),
        ("setsockopt AF_VSOCK", CallNumbers.X64.SetSocketOption, [ulong.MaxValue, 40, 0, 0, 0]),
        ("socket AF_VSOCK", CallNumbers.X64.Socket, [40, 1, 0]),
    ];

    [Fact]
    public async Task Every_call_fails_once_nobody_answers_the_one_that_waits_too()
    {
        var sequence = Filtered(out var word);
        Make(s_calls[0].Number, s_calls[0].Arguments);
        foreach (var (_, number, arguments) in s_calls)
        {
            Make(number, arguments);
        }

        Make(AnyProcess, []);
        sequence.Call("exit", SystemCall.exit_group, 0);

        using var control = StartIn(sequence);
        var descriptor = TargetProcess.TryGetDescriptor(control.Process.Id, (int)control.Await(), out _);
        Assert.True(TargetProcess.IsFiltered(control.Process.Id));
        using (var listener = new CallListener(descriptor!))
        {
            control.Go();
            Assert.True(listener.TryReceive(out var waiting));
            Assert.Equal((s_calls[0].Number, true), (waiting.Number, listener.IsWaiting(waiting)));
        }

        Assert.Equal(("the call that waited", NotImplemented), ("the call that waited", control.Await()));
        foreach (var (name, _, _) in s_calls)
        {
            Assert.Equal((name, NotImplemented), (name, control.Await()));
        }

        // What the filter lets pass goes on.
        Assert.Equal(Environment.ProcessId, control.Await());
        Assert.Equal(0, (await control.Process.Exit).Status);

        void Make(int number, ulong[] arguments)
        {
            sequence.Program.Add(new LaunchStep
            {
                Call = (SystemCall)number, Arguments = arguments, Purpose = "make a call", IsErrorTolerated = true, ResultAddress = word,
            });
            sequence.Send(word);
        }
    }

    [Fact]
    public async Task A_call_whose_thread_is_gone_is_seen_to_be_and_disturbs_nobody()
    {
        var sequence = Filtered(out var word);
        sequence.Try("make a call", SystemCall.ioctl, ulong.MaxValue, EnclaveFilter.NsmIoctl, word);
        sequence.Call("exit", SystemCall.exit_group, 0);
        using var control = StartIn(sequence);
        using var listener = new CallListener(TargetProcess.TryGetDescriptor(control.Process.Id, (int)control.Await(), out _)!);
        control.Go();
        Assert.True(listener.TryReceive(out var waiting));
        Assert.Equal(control.Process.Id, waiting.Thread);
        Assert.True(listener.IsWaiting(waiting));
        control.Process.Signal(Interop.SIGKILL);
        await control.Process.Exit;

        // Whatever its number has become since is nobody to read from or to write to, and there is nobody else to serve.
        Assert.False(listener.IsWaiting(waiting));
        using var file = File.OpenHandle("/dev/null");
        Assert.Equal(CallAnswer.Fail(Interop.Errno.ENOENT), listener.AddDescriptor(waiting, file, closeOnExec: true));
        listener.Answer(waiting, CallAnswer.Return(0));
        Assert.False(listener.TryReceive(out var _));
    }

    [Fact]
    public async Task A_call_that_waits_elsewhere_is_found_gone_once_the_listener_is_closed()
    {
        var sequence = Filtered(out var word);
        sequence.Try("make a call", SystemCall.ioctl, ulong.MaxValue, EnclaveFilter.NsmIoctl, word);
        sequence.Call("exit", SystemCall.exit_group, 0);
        using var control = StartIn(sequence);
        var listener = new CallListener(TargetProcess.TryGetDescriptor(control.Process.Id, (int)control.Await(), out _)!);
        control.Go();
        Assert.True(listener.TryReceive(out var waiting));

        // As the last of the threads that receive calls does, while an accept or a connect of the program is still in hand.
        listener.Dispose();
        Assert.False(listener.IsWaiting(waiting));
        listener.Answer(waiting, CallAnswer.Return(0));
        using var file = File.OpenHandle("/dev/null");
        Assert.Equal(CallAnswer.Fail(Interop.Errno.ENOENT), listener.AddDescriptor(waiting, file, closeOnExec: false));
        Assert.Equal(0, (await control.Process.Exit).Status);
    }

    static LaunchSequence Filtered(out ulong word)
    {
        var sequence = new LaunchSequence();
        word = sequence.Program.Add(new byte[sizeof(ulong)]);
        sequence.ArrangeDescriptors();
        sequence.Call("have the rights that a filter takes", SystemCall.unshare, LaunchConstants.CLONE_NEWUSER);
        EnclaveLaunchSequence.InstallFilter(sequence, EnclaveFilter.Encode(EnclaveFilter.Build(CallNumbers.X64)), word);
        return sequence;
    }

    static LaunchControl StartIn(LaunchSequence sequence)
    {
        using var nothing = File.OpenHandle("/dev/null");
        return LaunchControl.Start(sequence.Program, [nothing, nothing, nothing], null);
    }
}
