using System.Runtime.InteropServices;
using System.Text;

namespace NitroEnclaves.Init;

/// <summary>The program that the enclave exists for: the only child that init starts.</summary>
sealed class ServiceProcess
{
    readonly int _processId;

    ServiceProcess(int processId) => _processId = processId;

    /// <summary>Starts the program in a session of its own, with default signals, the image's environment and nothing else open.</summary>
    /// <param name="command">What to run; its working directory must exist.</param>
    /// <param name="user">As whom; null for root.</param>
    /// <exception cref="InitException">It cannot be started; the message says which step failed.</exception>
    internal static ServiceProcess Start(ImageCommand command, UserIdentity? user)
    {
        if (Interop.chdir(command.WorkingDirectory) != 0)
        {
            throw InitException.FromLastError($"enter the working directory {command.WorkingDirectory}");
        }

        if (Interop.setenv("PATH", command.SearchPath, 1) != 0)
        {
            throw InitException.FromLastError("set the search path");
        }

        // To Linux, user and groups belong to a thread, and a new process gets those of the thread that starts it:
        // a thread of its own takes the program's identity and leaves init's alone.
        var processId = 0;
        InitException? failure = null;
        var starter = new Thread(() =>
        {
            try
            {
                Assume(user);
                processId = Spawn(command);
            }
            catch (InitException exception)
            {
                failure = exception;
            }
        });
        starter.Start();
        starter.Join();
        return failure is null ? new ServiceProcess(processId) : throw failure;
    }

    /// <summary>Passes a signal on to the program and those it started in its process group.</summary>
    internal void Forward(int signal) => _ = Interop.kill(-_processId, signal);

    /// <summary>Waits until the program ends; collects every orphan that ends meanwhile.</summary>
    internal EndStatus WaitForEnd()
    {
        while (true)
        {
            var processId = Interop.waitpid(-1, out var status, 0);
            if (processId == _processId)
            {
                return EndStatus.FromWaitStatus(status);
            }

            if (processId < 0 && Marshal.GetLastPInvokeError() != Interop.EINTR)
            {
                throw InitException.FromLastError("wait for the program");
            }
        }
    }

    static void Assume(UserIdentity? user)
    {
        if (user is null)
        {
            return;
        }

        uint[] groups = [.. user.SupplementaryGroups];
        if (Interop.setgroups(Interop.SYS_setgroups, groups.Length, groups) != 0
            || Interop.setres(Interop.SYS_setresgid, user.GroupId, user.GroupId, user.GroupId) != 0
            || Interop.setres(Interop.SYS_setresuid, user.UserId, user.UserId, user.UserId) != 0)
        {
            throw InitException.FromLastError($"become user {user.UserId} with group {user.GroupId}");
        }
    }

    static unsafe int Spawn(ImageCommand command)
    {
        _ = Interop.posix_spawnattr_init(out var attributes);
        _ = Interop.sigemptyset(out var none);
        _ = Interop.sigfillset(out var all);
        _ = Interop.posix_spawnattr_setsigmask(ref attributes, none);
        _ = Interop.posix_spawnattr_setsigdefault(ref attributes, all);
        _ = Interop.posix_spawnattr_setflags(
            ref attributes, Interop.POSIX_SPAWN_SETSID | Interop.POSIX_SPAWN_SETSIGMASK | Interop.POSIX_SPAWN_SETSIGDEF);

        using var arguments = new NativeStringArray(command.Arguments);
        using var environment = new NativeStringArray(command.Environment);
        var error = Interop.posix_spawnp(
            out var processId, arguments.Pointer[0], null, attributes, arguments.Pointer, environment.Pointer);
        return error == 0 ? processId : throw NotStarted(Encoding.UTF8.GetString(command.Arguments[0]), error);
    }

    static InitException NotStarted(string program, int error)
    {
        var failure = InitException.FromError($"start {program}", error);
        return error == Interop.ENOENT && program.Contains('/', StringComparison.Ordinal) && File.Exists(program)
            ? new InitException($"{failure.Message}; the file is there, so its loader or interpreter is missing from the image")
            : failure;
    }
}
