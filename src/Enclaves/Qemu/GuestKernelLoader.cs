using System.Buffers;
using Microsoft.Win32.SafeHandles;
using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves;

/// <summary>Takes the kernel out of an image for QEMU, unpacked where that can be done outside the guest, and looks at it.</summary>
static class GuestKernelLoader
{
    const int ScanSize = 1 << 20;

    /// <summary>Makes the file that QEMU boots. A kernel that cannot be unpacked boots as it is, more slowly.</summary>
    /// <exception cref="IOException">The image cannot be read.</exception>
    public static (SafeFileHandle File, GuestKernel Kernel) Load(EifFile image, CancellationToken cancellationToken)
    {
        using var packed = image.OpenKernel();
        var kernel = LinuxKernelImage.Read(packed);
        var file = Memory.Create("enclave kernel");
        try
        {
            if (kernel.Format == KernelFormat.Elf || TryUnpack(kernel, file, cancellationToken))
            {
                if (kernel.Format == KernelFormat.Elf)
                {
                    packed.Position = 0;
                    Memory.Append(file, packed, cancellationToken);
                }

                return (file, new GuestKernel(kernel.Version ?? "", Contains(file, GuestKernel.DeviceParameter)));
            }

            RandomAccess.SetLength(file, 0);
            packed.Position = 0;
            Memory.Append(file, packed, cancellationToken);
            return (file, new GuestKernel(kernel.Version ?? "", null));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    // QEMU enters an ELF kernel by its PVH note alone.
    static bool TryUnpack(LinuxKernelImage kernel, SafeFileHandle file, CancellationToken cancellationToken)
    {
        using var stream = new FileStream(new SafeFileHandle(file.DangerousGetHandle(), ownsHandle: false), FileAccess.ReadWrite);
        if (kernel.Extract(stream, cancellationToken) != KernelExtraction.Extracted)
        {
            return false;
        }

        stream.Position = 0;
        return ElfKernel.FindPvhEntry(stream) is not null;
    }

    static bool Contains(SafeFileHandle file, ReadOnlySpan<byte> text)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ScanSize);
        try
        {
            // Each piece begins with the end of the one before, so that a text across the border is found.
            for (long position = 0; ;)
            {
                var read = RandomAccess.Read(file, buffer.AsSpan(0, ScanSize), position);
                if (buffer.AsSpan(0, read).IndexOf(text) >= 0)
                {
                    return true;
                }

                if (read < text.Length)
                {
                    return false;
                }

                position += read - (text.Length - 1);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
