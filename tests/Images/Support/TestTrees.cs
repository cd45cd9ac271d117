using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Images.Tests;

/// <summary>Generates lists of files that make trees of every kind: nested, overwritten, linked.</summary>
static class TestTrees
{
    static readonly Gen<string> s_name = Gen.Elements("a", "b", "c", "bin", "lib", "ü-n-ï", "with space", "日本", "A", "a.b", "-", "x\ty",
        new string('n', 255));

    static readonly Gen<string> s_path = s_name.NonEmptyListOf().Where(names => names.Count <= 5).Select(names => string.Join('/', names));

    static readonly Gen<UnixFileMode> s_mode = Gen.Choose(0, 0xFFF).Select(mode => (UnixFileMode)mode);

    static readonly Gen<uint> s_id = Gen.Elements(0u, 1u, 1000u, 65534u, uint.MaxValue);

    static readonly Gen<FileNode> s_node =
        from type in Gen.Elements(Enum.GetValues<FileNodeType>()).Or(Gen.Constant(FileNodeType.Directory)).Or(
            Gen.Constant(FileNodeType.RegularFile))
        from mode in s_mode
        from user in s_id
        from @group in s_id
        from number in Gen.Choose(0, 300)
        from target in Gen.Elements("a", "../b", "/usr/bin/ü", "x")
        from content in Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf()
        select new FileNode
        {
            Type = type,
            Mode = mode,
            UserId = user,
            GroupId = @group,
            DeviceMajor = type is FileNodeType.BlockDevice or FileNodeType.CharacterDevice ? (uint)number : 0,
            DeviceMinor = type is FileNodeType.BlockDevice or FileNodeType.CharacterDevice ? (uint)number + 1 : 0,
            LinkTarget = type == FileNodeType.SymbolicLink ? target : null,
            Content = type == FileNodeType.RegularFile ? FileContent.FromMemory(content) : FileContent.Empty,
        };

    /// <summary>Files to set one after another; those whose path cannot be set in a tree like this are left out.</summary>
    public static Arbitrary<List<(string Path, FileNode Node)>> Arbitrary { get; } = Arb.From(
        from nodes in s_node.NonEmptyListOf()
        from picks in Gen.Choose(0, nodes.Count - 1).ListOf()
        from paths in s_path.ListOf(nodes.Count + picks.Count)
        select Settable(
            [.. paths.Zip(nodes.Concat(picks.Select(pick => nodes[pick]).Where(node => node.Type != FileNodeType.Directory)))]));

    static List<(string, FileNode)> Settable(List<(string Path, FileNode Node)> files)
    {
        using var tree = new RootFileSystem();
        var settable = new List<(string, FileNode)>();
        foreach (var (path, node) in files)
        {
            try
            {
                tree.Set(path, node);
                settable.Add((path, node));
            }
            catch (RootFileSystemException e) when (
                e.Reason is RootFileSystemError.NotADirectory or RootFileSystemError.TooManySymbolicLinks)
            {
            }
        }

        return settable;
    }
}
