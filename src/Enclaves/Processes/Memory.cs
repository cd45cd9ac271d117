using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NitroEnclaves.Enclaves;

/// <summary>Files that exist only in memory and only as long as somebody has them open: nothing is left behind, however we end.</summary>
static class Memory
{
    const int CopySize = 1 << 20;

    /// <summary>Makes an empty file.</summary>
    /// <param name="name">A name for people, seen under <c>/proc</c>.</param>
    /// <exception cref="EnclaveException">The kernel has none to give.</exception>
    public static SafeFileHandle Create(string name)
    {
        var file = Interop.memfd_create(name, Interop.MFD_CLOEXEC);
        if (!file.IsInvalid)
        {
            return file;
        }

        var reason = Marshal.GetLastPInvokeErrorMessage();
        file.Dispose();
        throw new EnclaveException(EnclaveFailure.InsufficientMemoryAvailable, $"Memory for {name} cannot be had: {reason}.");
    }

    /// <summary>The path by which this process can open the file again, at its beginning.</summary>
    public static string PathOf(SafeFileHandle file) =>
        string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file.DangerousGetHandle()}");

    /// <summary>Copies a stream to the file's end.</summary>
    public static void Append(SafeFileHandle file, Stream source, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(CopySize);
        try
        {
            var position = RandomAccess.GetLength(file);
            for (int read; (read = source.Read(buffer, 0, CopySize)) > 0; position += read)
            {
                cancellationToken.ThrowIfCancellationRequested();
                RandomAccess.Write(file, buffer.AsSpan(0, read), position);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
