using System.ComponentModel;
using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

/// <summary>An eventfd(2) of one's own: raised on any thread, watched on a loop.</summary>
public sealed unsafe class EventSignal : IDisposable
{
    /// <summary>Makes a signal that is not raised.</summary>
    /// <exception cref="IOException">The process has no descriptor left.</exception>
    public EventSignal()
    {
        var descriptor = Interop.EventFd.eventfd(0, Interop.EventFd.EFD_CLOEXEC | Interop.EventFd.EFD_NONBLOCK);
        if (descriptor < 0)
        {
            throw new IOException("Cannot make an eventfd.", new Win32Exception(Marshal.GetLastPInvokeError()));
        }

        Descriptor = new SafeDescriptor(descriptor);
    }

    /// <summary>To be watched for <see cref="ReadyEvents.Readable"/>, or handed to a peer.</summary>
    public SafeDescriptor Descriptor { get; }

    /// <summary>Raises the signal; several raises are one.</summary>
    public void Raise() => Raise(Descriptor);

    /// <summary>Lowers the signal.</summary>
    /// <returns>Whether it was raised.</returns>
    public bool Lower() => Lower(Descriptor);

    /// <inheritdoc cref="Dispose"/>
    public void Dispose() => Descriptor.Dispose();

    // Adds 1. A counter at its maximum answers EAGAIN, which is as good: it is raised.
    internal static void Raise(SafeDescriptor descriptor)
    {
        var one = 1UL;
        Interop.Unistd.write(descriptor, &one, sizeof(ulong));
    }

    internal static bool Lower(SafeDescriptor descriptor)
    {
        ulong count;
        return Interop.Unistd.read(descriptor, &count, sizeof(ulong)) == sizeof(ulong);
    }
}
