using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Virtio;

/// <summary>Owns one file descriptor of any kind (socket, eventfd, memfd) and closes it exactly once.</summary>
public sealed class SafeDescriptor : SafeHandleMinusOneIsInvalid
{
    /// <summary>Takes a descriptor over.</summary>
    /// <param name="descriptor">The number, or -1 for an invalid handle.</param>
    /// <param name="ownsHandle">Whether disposing closes it.</param>
    public SafeDescriptor(int descriptor, bool ownsHandle = true) : base(ownsHandle) => SetHandle(descriptor);

    /// <summary>For the interop marshaller: an invalid handle.</summary>
    public SafeDescriptor() : base(ownsHandle: true)
    {
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Interop.Unistd.close((int)handle) == 0;
}
