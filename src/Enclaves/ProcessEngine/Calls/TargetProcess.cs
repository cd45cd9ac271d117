using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.Enclaves;

/// <summary>Reaches into a process of the enclave while one of its calls waits: its memory by address, its descriptors by number.</summary>
/// <remarks>The caller makes sure afterwards that the call still waits: until then the id may have become another process's.</remarks>
static unsafe class TargetProcess
{
    /// <summary>CAP_NET_BIND_SERVICE: ports below 1024.</summary>
    public const int NetBindService = 10;

    // Unsafe because process_vm_readv(2) and its like take addresses: ours are of spans that are fixed, theirs are numbers to us.

    /// <summary>Copies memory of the target; false where it is not all there.</summary>
    /// <param name="thread">The target's thread.</param>
    /// <param name="address">Where it begins there.</param>
    /// <param name="destination">Where it goes to.</param>
    public static bool TryRead(int thread, ulong address, Span<byte> destination)
    {
        fixed (byte* local = destination)
        {
            var ours = new Interop.Target.iovec { iov_base = (nuint)local, iov_len = (nuint)destination.Length };
            var theirs = new Interop.Target.iovec { iov_base = (nuint)address, iov_len = (nuint)destination.Length };
            return Interop.Target.process_vm_readv(thread, &ours, 1, &theirs, 1, 0) == destination.Length;
        }
    }

    /// <summary>Copies into the target's memory; false where it cannot all be written.</summary>
    /// <param name="thread">The target's thread.</param>
    /// <param name="address">Where it goes to there.</param>
    /// <param name="source">What is copied.</param>
    public static bool TryWrite(int thread, ulong address, ReadOnlySpan<byte> source)
    {
        fixed (byte* local = source)
        {
            var ours = new Interop.Target.iovec { iov_base = (nuint)local, iov_len = (nuint)source.Length };
            var theirs = new Interop.Target.iovec { iov_base = (nuint)address, iov_len = (nuint)source.Length };
            return Interop.Target.process_vm_writev(thread, &ours, 1, &theirs, 1, 0) == source.Length;
        }
    }

    /// <summary>
    /// Our own descriptor of what the target has at a number. It shares the open file with the target: let it go at once, or nobody sees
    /// that the target has closed it.
    /// </summary>
    /// <param name="thread">The target's thread.</param>
    /// <param name="descriptor">The number there.</param>
    /// <param name="error">The error number where there is none.</param>
    public static SafeDescriptor? TryGetDescriptor(int thread, int descriptor, out int error)
    {
        using var process = OpenProcess(thread);
        var copy = process.IsInvalid ? -1 : (int)Interop.Target.syscall(Interop.Target.SYS_pidfd_getfd, process.DangerousGetHandle(), descriptor, 0);
        error = copy < 0 ? Marshal.GetLastPInvokeError() : 0;
        return copy < 0 ? null : new SafeDescriptor(copy);
    }

    /// <summary>Opens the process of a thread; invalid where it is gone.</summary>
    public static SafeDescriptor OpenProcess(int thread)
    {
        var process = Open(thread, 0);
        if (process < 0 && Marshal.GetLastPInvokeError() is not Interop.Errno.ESRCH)
        {
            // A thread that does not lead its process: kernels from 6.9 on open it as well, others want to be told the leader.
            process = Open(thread, Interop.Target.PIDFD_THREAD);
            if (process < 0 && LeaderOf(thread) is { } leader)
            {
                process = Open(leader, 0);
            }
        }

        return new SafeDescriptor(process);

        static int Open(int id, nint flags) => (int)Interop.syscall(Interop.SYS_pidfd_open, id, flags);
    }

    /// <summary>
    /// Whether a signal that the thread has a handler for waits to be delivered: a call that waits must then end, or the handler never runs.
    /// </summary>
    public static bool HasCaughtSignal(int thread)
    {
        ulong pending = 0, shared = 0, blocked = 0, caught = 0;
        foreach (var line in Status(thread))
        {
            var (name, value) = line.IndexOf(':', StringComparison.Ordinal) is var colon and > 0 ? (line[..colon], line[(colon + 1)..].Trim()) : ("", "");
            switch (name)
            {
                case "SigPnd":
                    pending = Mask(value);
                    break;
                case "ShdPnd":
                    shared = Mask(value);
                    break;
                case "SigBlk":
                    blocked = Mask(value);
                    break;
                case "SigCgt":
                    caught = Mask(value);
                    break;
            }
        }

        return ((pending | shared) & ~blocked & caught) != 0;

        static ulong Mask(string text) => ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var mask) ? mask : 0;
    }

    /// <summary>Whether a process is under a seccomp filter: mode 2 in <c>/proc/ID/status</c>.</summary>
    public static bool IsFiltered(int process) => Status(process).Any(line => line.StartsWith("Seccomp:", StringComparison.Ordinal) && line[8..].Trim() == "2");

    /// <summary>The path of an open file as the target sees it; null where there is none.</summary>
    public static string? PathOf(int thread, int descriptor)
    {
        try
        {
            return new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/{thread}/fd/{descriptor}")).LinkTarget;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether a thread has a capability, in whichever user namespace it is.</summary>
    public static bool HasCapability(int thread, int capability) => Status(thread).Any(line =>
        line.StartsWith("CapEff:", StringComparison.Ordinal)
        && ulong.TryParse(line.AsSpan(7).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var mask) && (mask >> capability & 1) != 0);

    /// <summary>The name of a namespace that a process is in; null where there is no such process, or this user may not know.</summary>
    public static string? NamespaceOf(int process, string kind)
    {
        try
        {
            return new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/ns/{kind}")).LinkTarget;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The process that a thread is of; null where it is gone.</summary>
    public static int? LeaderOf(int thread)
    {
        foreach (var line in Status(thread))
        {
            if (line.StartsWith("Tgid:", StringComparison.Ordinal) && int.TryParse(line.AsSpan(5).Trim(), CultureInfo.InvariantCulture, out var leader))
            {
                return leader;
            }
        }

        return null;
    }

    static string[] Status(int thread)
    {
        try
        {
            return File.ReadAllLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{thread}/status"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
