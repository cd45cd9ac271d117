using NitroEnclaves.Images;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>A small tree with every kind of file to begin with, and the check that an accepted tree survives being written and read.</summary>
static class FileTree
{
    const long MaxRoundTrip = 1 << 20;

    /// <summary>A tree with folders, files, links of both kinds, devices and a pipe.</summary>
    public static RootFileSystem CreateSample()
    {
        var tree = new RootFileSystem();
        tree.Set("bin/app", FileNode.RegularFile(FileContent.FromMemory("#!/bin/sh\n"u8.ToArray()), (UnixFileMode)0x1ED));
        tree.Set("bin/again", tree.Find("bin/app")!);
        tree.Set("lib", FileNode.SymbolicLink("usr/lib"));
        tree.Set("usr/lib/libc.so", FileNode.RegularFile(FileContent.FromMemory(new byte[300])));
        tree.Set("dev/null", new FileNode { Type = FileNodeType.CharacterDevice, Mode = (UnixFileMode)0x1B6, DeviceMajor = 1, DeviceMinor = 3 });
        tree.Set("run/pipe", new FileNode { Type = FileNodeType.Fifo, Mode = (UnixFileMode)0x180, UserId = 1000, GroupId = 42 });
        return tree;
    }

    /// <summary>The tree as a ramdisk.</summary>
    public static byte[] ToRamdisk(RootFileSystem tree)
    {
        using var output = new MemoryStream();
        var archive = new ReproducibleArchive(output, DateTimeOffset.UnixEpoch);
        archive.AddTree("", tree, CancellationToken.None);
        archive.Finish();
        return output.ToArray();
    }

    /// <summary>Throws where a tree, written as a ramdisk and read again, is another. Trees of much content are left alone.</summary>
    public static void CheckRoundTrip(RootFileSystem tree)
    {
        if (tree.Files.Sum(file => Math.Min(file.Node.Content.Length, MaxRoundTrip)) > MaxRoundTrip)
        {
            return;
        }

        var ramdisk = ToRamdisk(tree);
        using var read = new RootFileSystem();
        read.AddRamdisk(ByteSource.FromMemory(ramdisk), CancellationToken.None);
        if (!ToRamdisk(read).AsSpan().SequenceEqual(ramdisk))
        {
            throw new InvalidOperationException("The tree became another one on its way through a ramdisk.");
        }
    }
}
