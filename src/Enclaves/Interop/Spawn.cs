using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Enclaves;

/// <summary>One call of <c>posix_spawn</c>, which is the way to start a child that is safe in a program with many threads.</summary>
static unsafe class Spawn
{
    const int FirstDescriptor = 3;
    const int HighDescriptor = 255;

    // The runtime ignores or handles these; a child starts with what the system does by default.
    static readonly int[] s_defaultSignals = [1, 2, 3, 13, 15, 17, 18, 20, 21, 22, 28];

    /// <summary>Starts a child.</summary>
    /// <returns>Its process id.</returns>
    /// <exception cref="EnclaveException">It could not be started (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    public static int Run(ChildProcessStart start)
    {
        using var memory = new NativeStrings();
        var parked = new List<SafeHandle>();
        // Above everything that the child is to have, so that no copy overwrites another's source; but not far above: when a table of
        // descriptors grows, a program of several threads waits for every CPU, for up to tens of milliseconds.
        var parking = FirstDescriptor + start.Descriptors.Count;
        // SAFETY: attributes, actions and set are larger than any C library's types of these names and live on this stack frame,
        // which outlives every call below; strings and arrays live in `memory` until after posix_spawnp has returned.
        var attributes = stackalloc byte[Interop.OpaqueSize];
        var actions = stackalloc byte[Interop.OpaqueSize];
        _ = Interop.posix_spawnattr_init(attributes);
        _ = Interop.posix_spawn_file_actions_init(actions);
        try
        {
            SetSignals(attributes, start.NewSession);
            var devNull = memory.Add("/dev/null");
            _ = Interop.posix_spawn_file_actions_addopen(actions, 0, devNull, Interop.O_RDONLY, 0);
            for (var target = 1; target < FirstDescriptor; target++)
            {
                _ = start.Output is null
                    ? Interop.posix_spawn_file_actions_addopen(actions, target, devNull, Interop.O_RDWR, 0)
                    : Interop.posix_spawn_file_actions_adddup2(actions, Park(start.Output, parking, parked), target);
            }

            for (var index = 0; index < start.Descriptors.Count; index++)
            {
                _ = Interop.posix_spawn_file_actions_adddup2(actions, Park(start.Descriptors[index], parking, parked), FirstDescriptor + index);
            }

            if (start.ManyDescriptors && Interop.sysconf(Interop._SC_OPEN_MAX) > HighDescriptor)
            {
                // The child has one thread yet. Its table keeps its size when this is closed, and when the program is loaded.
                _ = Interop.posix_spawn_file_actions_adddup2(actions, 0, HighDescriptor);
                _ = Interop.posix_spawn_file_actions_addclose(actions, HighDescriptor);
            }

            CloseFrom(actions, FirstDescriptor + start.Descriptors.Count);
            int id;
            var error = Interop.posix_spawnp(
                &id, memory.Add(start.FileName), actions, attributes,
                memory.AddArray([start.FileName, .. start.Arguments]), memory.AddArray(EnvironmentOf(start)));
            return error == 0 ? id : throw new EnclaveException(
                EnclaveFailure.ProcessSpawn, $"{start.FileName} cannot be started: {Marshal.GetPInvokeErrorMessage(error)}.");
        }
        finally
        {
            _ = Interop.posix_spawn_file_actions_destroy(actions);
            _ = Interop.posix_spawnattr_destroy(attributes);
            parked.ForEach(handle => handle.Dispose());
        }
    }

    static void SetSignals(byte* attributes, bool newSession)
    {
        var set = stackalloc byte[Interop.OpaqueSize];
        _ = Interop.sigemptyset(set);
        _ = Interop.posix_spawnattr_setsigmask(attributes, set);
        foreach (var signal in s_defaultSignals)
        {
            _ = Interop.sigaddset(set, signal);
        }

        _ = Interop.posix_spawnattr_setsigdefault(attributes, set);
        var flags = Interop.POSIX_SPAWN_SETSIGDEF | Interop.POSIX_SPAWN_SETSIGMASK | (newSession ? Interop.POSIX_SPAWN_SETSID : 0);
        _ = Interop.posix_spawnattr_setflags(attributes, (short)flags);
    }

    static int Park(SafeHandle handle, int lowest, List<SafeHandle> parked)
    {
        var copy = Interop.fcntl(handle, Interop.F_DUPFD_CLOEXEC, lowest);
        if (copy < 0)
        {
            throw new EnclaveException(
                EnclaveFailure.ProcessSpawn, $"A descriptor for a child process cannot be copied: {Marshal.GetLastPInvokeErrorMessage()}.");
        }

        parked.Add(new SafeFileHandle(copy, ownsHandle: true));
        return copy;
    }

    // What we were started with may not be marked close-on-exec: a background process must not hold a shell's pipes open.
    static void CloseFrom(byte* actions, int first)
    {
        try
        {
            _ = Interop.posix_spawn_file_actions_addclosefrom_np(actions, first);
        }
        catch (EntryPointNotFoundException)
        {
            // glibc before 2.34 and musl have no such call; all that .NET itself opens is close-on-exec.
        }
    }

    static List<string> EnvironmentOf(ChildProcessStart start)
    {
        var variables = new List<string>();
        if (start.Environment is { } given)
        {
            variables.AddRange(given.Select(variable => $"{variable.Key}={variable.Value}"));
            return variables;
        }

        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            variables.Add($"{variable.Key}={variable.Value}");
        }

        return variables;
    }
}
