using System.Text;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Init;

/// <summary>What init says, it says on the console: the only thing that the parent sees of a debug enclave.</summary>
static class KernelConsole
{
    const int StandardError = 2;

    /// <summary>Makes the console device standard input, output and error, for init and for the program after it.</summary>
    /// <remarks>
    /// The kernel does so only where the ramdisk has a console node, and AWS's ramdisks have none. A kernel that was given no console is
    /// no reason to stop: the program runs unseen then.
    /// </remarks>
    internal static void Attach()
    {
        using var console = Open("/dev/console") ?? Open("/dev/null") ?? throw InitException.FromLastError("open /dev/console");

        for (var descriptor = 0; descriptor <= StandardError; descriptor++)
        {
            if (Interop.dup2(console, descriptor) < 0)
            {
                throw InitException.FromLastError("attach the console");
            }
        }

        // Opened while 0, 1 or 2 was closed, it is itself one of them and must stay.
        if (console.DangerousGetHandle() <= StandardError)
        {
            console.SetHandleAsInvalid();
        }
    }

    /// <summary>Writes one line, prefixed with init's name.</summary>
    internal static void Say(string message)
    {
        ReadOnlySpan<byte> line = Encoding.UTF8.GetBytes($"nitro-init: {message}\n");
        // A console that takes nothing is no reason to stop: there is nowhere to report it either.
        _ = Interop.write(StandardError, line, line.Length);
    }

    static SafeFileHandle? Open(string path)
    {
        var file = Interop.open(path, Interop.O_RDWR | Interop.O_NOCTTY);
        return file.IsInvalid ? null : file;
    }
}
