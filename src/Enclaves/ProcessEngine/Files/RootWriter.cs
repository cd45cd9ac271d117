using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves;

/// <summary>Writes an image's files below an open folder: the enclave's root, a file system in memory that no path of ours leads to.</summary>
/// <remarks>
/// Names come from a tree in which no symbolic link is on the way to anything, and links are made last: nothing is written outside the folder.
/// Device nodes are left out; a user namespace may not have them.
/// </remarks>
sealed unsafe class RootWriter
{
    // Unsafe because names are bytes with a zero behind them, handed to the C library as pointers to arrays that are fixed meanwhile.

    const int CopySize = 1 << 20;
    const int LargePage = 2 << 20;
    const uint Permissions = 0xFFF;

    readonly SafeHandle _root;
    readonly bool _keepOwners;
    readonly Dictionary<FileNode, byte[]> _firstNames = new(ReferenceEqualityComparer.Instance);

    /// <param name="root">The folder, opened as a path only.</param>
    /// <param name="keepOwners">Whether files get the owners that the image names; else all are the enclave's user's.</param>
    public RootWriter(SafeHandle root, bool keepOwners) => (_root, _keepOwners) = (root, keepOwners);

    /// <summary>Writes all files.</summary>
    /// <exception cref="EnclaveException">They do not fit into the enclave's memory, or cannot be made (<see cref="EnclaveFailure.BootFailure"/>).</exception>
    public void Write(RootFileSystem files, CancellationToken cancellationToken)
    {
        var folders = new List<(byte[] Name, FileNode Node)>();
        var links = new List<(byte[] Name, FileNode Node)>();
        foreach (var (path, node) in files.Files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            byte[] name = [.. UnixPath.Encode(path), 0];
            switch (node.Type)
            {
                case FileNodeType.Directory:
                    folders.Add((name, node));
                    fixed (byte* pointer = name)
                    {
                        Check(Interop.Files.mkdirat(_root, pointer, 0x1C0 /* 0700 */), path);
                    }

                    break;
                case FileNodeType.SymbolicLink:
                    links.Add((name, node));
                    break;
                case FileNodeType.RegularFile:
                    WriteFile(path, name, node);
                    break;
            }
        }

        foreach (var (name, node) in links)
        {
            WriteLink(name, node);
        }

        // Modes of folders come last, and those within others first: one that may not be written to could not be filled.
        for (var index = folders.Count - 1; index >= 0; index--)
        {
            SetAttributes(folders[index].Name, folders[index].Node);
        }

        SetAttributes("."u8.ToArray().Append((byte)0).ToArray(), files.Find("")!);
    }

    void WriteFile(string path, byte[] name, FileNode node)
    {
        fixed (byte* pointer = name)
        {
            if (_firstNames.TryGetValue(node, out var first))
            {
                fixed (byte* existing = first)
                {
                    Check(Interop.Files.linkat(_root, existing, _root, pointer, 0), path);
                }

                return;
            }

            _firstNames.Add(node, name);
            using (var file = Interop.Files.openat(
                _root, pointer, Interop.Files.O_WRONLY | Interop.O_CREAT | Interop.O_EXCL | Interop.O_NOFOLLOW | Interop.O_CLOEXEC, 0x180 /* 0600 */))
            {
                Check(file.IsInvalid ? -1 : 0, path);
                Copy(node.Content, file, path);
            }

            SetAttributes(name, node);
        }
    }

    static void Copy(FileContent content, SafeFileHandle file, string path)
    {
        if (content.Length == 0)
        {
            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent((int)long.Min(CopySize, content.Length));
        try
        {
            using var stream = content.OpenRead();
            if (content.Length >= LargePage)
            {
                // Only of a file that is long enough already does the file system make large pages.
                RandomAccess.SetLength(file, content.Length);
            }

            var position = 0L;
            for (int read; (read = stream.Read(buffer)) > 0; position += read)
            {
                RandomAccess.Write(file, buffer.AsSpan(0, read), position);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Of a folder's file the reading fails where this user may not read it.
            throw new EnclaveException(
                EnclaveFailure.BootFailure,
                exception.HResult == Interop.Errno.ENOSPC
                    ? $"The enclave's files do not fit into its memory: it was full at /{path}. Give it more."
                    : $"The file /{path} cannot be copied into the enclave's memory: {exception.Message}",
                exception);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    void WriteLink(byte[] name, FileNode node)
    {
        byte[] target = [.. UnixPath.Encode(node.LinkTarget!), 0];
        fixed (byte* pointer = name, targetPointer = target)
        {
            Check(Interop.Files.symlinkat(targetPointer, _root, pointer), node.LinkTarget!);
            if (_keepOwners)
            {
                _ = Interop.Files.fchownat(_root, pointer, node.UserId, node.GroupId, Interop.AT_SYMLINK_NOFOLLOW);
            }
        }
    }

    void SetAttributes(byte[] name, FileNode node)
    {
        fixed (byte* pointer = name)
        {
            if (_keepOwners && (node.UserId | node.GroupId) != 0)
            {
                _ = Interop.Files.fchownat(_root, pointer, node.UserId, node.GroupId, Interop.AT_SYMLINK_NOFOLLOW);
            }

            _ = Interop.Files.fchmodat(_root, pointer, (uint)node.Mode & Permissions, 0);
            var times = stackalloc long[4] { 0, Interop.Files.UTIME_OMIT, node.ModificationTime.ToUnixTimeSeconds(), 0 };
            _ = Interop.Files.utimensat(_root, pointer, times, Interop.AT_SYMLINK_NOFOLLOW);
        }
    }

    static void Check(int result, string path)
    {
        if (result < 0)
        {
            throw new EnclaveException(
                EnclaveFailure.BootFailure, $"The image's file /{path} cannot be made in the enclave's memory: {Marshal.GetLastPInvokeErrorMessage()}.");
        }
    }
}
