using System.Runtime.InteropServices;
using static NitroEnclaves.Enclaves.LaunchConstants;

namespace NitroEnclaves.Enclaves;

/// <summary>Finds out whether the process engine can run here, by doing in a child what it would do.</summary>
static class ProcessEngineProbe
{
    const string Namespaces = "make a user namespace";

    /// <summary>One sentence: that it can, or what is missing and what to do about it.</summary>
    public static EngineAvailability Run(string engine)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            return new EngineAvailability(engine, false, $"The process engine has run on x86-64 only and starts nothing on {RuntimeInformation.ProcessArchitecture}.");
        }

        try
        {
            var reason = FindReason();
            return reason is null
                ? new EngineAvailability(engine, true, ResourceGroup.Lack() is { } lack ? $"{ProcessEngine.Warning} {lack}" : ProcessEngine.Warning)
                : new EngineAvailability(engine, false, $"The process engine cannot run here: {reason}");
        }
        catch (EnclaveException exception)
        {
            return new EngineAvailability(engine, false, $"The process engine cannot run here: {exception.Message}");
        }
    }

    static string? FindReason()
    {
        using var nothing = Interop.open("/dev/null", Interop.O_RDWR | Interop.O_CLOEXEC, 0);
        using var control = LaunchControl.Start(Sequence(), [nothing, nothing, nothing], null);
        try
        {
            if (control.ReadFailure() is { } early)
            {
                return Explain(early.Step, early.Error);
            }

            try
            {
                IdentityMaps.Write(control.Process.Id, null);
            }
            catch (EnclaveException exception)
            {
                return ProcessEngineObstacle.ExplainMaps(exception.Message, ProcessEngineObstacle.ReadSetting);
            }

            control.Go();
            return control.ReadFailure() is { } late ? Explain(late.Step, late.Error) : "its seccomp filter does not take effect.";
        }
        finally
        {
            control.Process.EndAsync(TimeSpan.FromSeconds(1)).GetAwaiter().GetResult();
        }
    }

    // The socket is asked for under our filter and nowhere else: with nobody there to answer, the kernel says ENOSYS. Any other answer is
    // that of a filter around us, which is asked as well and whose refusal counts more than our wish to be asked.
    static LaunchProgram Sequence()
    {
        var sequence = new LaunchSequence();
        var word = sequence.Program.Add(new byte[sizeof(ulong)]);
        sequence.EndWithParent();
        sequence.ArrangeDescriptors();
        sequence.Call(Namespaces, SystemCall.unshare, CLONE_NEWUSER);
        sequence.Send(word);
        sequence.AwaitGo();
        sequence.Call("make namespaces", SystemCall.unshare, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
        var program = sequence.Program;
        sequence.Call("make mounts private", SystemCall.mount, 0, program.Add("/"), 0, MS_REC | MS_PRIVATE, 0);
        sequence.Call("mount a file system in memory", SystemCall.mount, program.Add("probe"), program.Add(EnclaveLaunchSequence.MountPoint()), program.Add("tmpfs"), 0, 0);
        EnclaveLaunchSequence.AddFilter(sequence, EnclaveFilter.Encode(EnclaveFilter.Build(CallNumbers.X64)), word);
        sequence.Call("close the filter's listener", SystemCall.close, LaunchSequence.FirstFreeDescriptor);
        sequence.Call("intercept AF_VSOCK sockets", SystemCall.socket, Interop.EnclaveSocket.AF_VSOCK, Interop.SOCK_STREAM, 0);
        sequence.Send(word);
        return sequence.Program;
    }

    static string? Explain(LaunchStep step, int error) =>
        ProcessEngineObstacle.Explain(step.Call, step.Purpose, error, ProcessEngineObstacle.ReadSetting);
}
