using NitroEnclaves.Images;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>Ramdisks (newc cpio, plain or packed), as images of others bring them.</summary>
sealed class CpioFuzzTarget : IFuzzTarget
{
    public string Name => "cpio";

    public IEnumerable<byte[]> Seeds { get; } = CreateSeeds();

    public void Run(ReadOnlySpan<byte> input)
    {
        try
        {
            using var tree = new RootFileSystem();
            tree.AddRamdisk(ByteSource.FromMemory(input.ToArray()), CancellationToken.None);
            FileTree.CheckRoundTrip(tree);
        }
        catch (RootFileSystemException)
        {
            // The reader's one answer to a malformed ramdisk.
        }
    }

    static List<byte[]> CreateSeeds()
    {
        using var sample = FileTree.CreateSample();
        var ramdisk = FileTree.ToRamdisk(sample);
        // The kernel takes several archives one behind the other.
        return [ramdisk, [.. ramdisk, .. ramdisk]];
    }
}
