using NitroEnclaves.Images;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>Tar archives as layers of a container image: with whiteouts, links, PAX headers and sparse files, over another layer.</summary>
sealed class TarFuzzTarget : IFuzzTarget
{
    public string Name => "tar";

    public IEnumerable<byte[]> Seeds { get; } = CreateSeeds();

    public void Run(ReadOnlySpan<byte> input)
    {
        try
        {
            using var tree = FileTree.CreateSample();
            tree.AddLayer(ByteSource.FromMemory(WithChecksums(input)), CancellationToken.None);
            FileTree.CheckRoundTrip(tree);
        }
        catch (RootFileSystemException)
        {
            // The reader's one answer to a malformed archive.
        }
    }

    // Every header has a checksum of its own; with it wrong, nothing else of a changed header would be looked at.
    static byte[] WithChecksums(ReadOnlySpan<byte> input)
    {
        var archive = input.ToArray();
        for (var block = 0; block + 512 <= archive.Length; block += 512)
        {
            var header = archive.AsSpan(block, 512);
            if (header.Slice(257, 5).SequenceEqual("ustar"u8))
            {
                header.Slice(148, 8).Fill((byte)' ');
                var sum = 0;
                foreach (var value in header)
                {
                    sum += value;
                }

                System.Text.Encoding.ASCII.GetBytes($"{Convert.ToString(sum, 8).PadLeft(6, '0')}\0 ", header.Slice(148, 8));
            }
        }

        return archive;
    }

    static List<byte[]> CreateSeeds()
    {
        using var tree = FileTree.CreateSample();
        tree.Set("bin/.wh.app", FileNode.RegularFile(FileContent.Empty));
        tree.Set("usr/.wh..wh..opq", FileNode.RegularFile(FileContent.Empty));
        tree.Set(string.Join('/', Enumerable.Repeat(new string('n', 90), 4)), FileNode.RegularFile(FileContent.FromMemory(new byte[10])));
        using var output = new MemoryStream();
        tree.WriteTar(output);
        return [output.ToArray(), SparseArchive()];
    }

    // GNU's sparse format 1.0: a PAX header that says so, and a map at the head of the data.
    static byte[] SparseArchive()
    {
        using var output = new MemoryStream();
        using (var writer = new System.Formats.Tar.TarWriter(output, leaveOpen: true))
        {
            var map = new byte[512 + 8];
            "1\n1024\n8\n"u8.CopyTo(map);
            var attributes = new Dictionary<string, string>
            {
                ["GNU.sparse.major"] = "1", ["GNU.sparse.minor"] = "0", ["GNU.sparse.name"] = "hole", ["GNU.sparse.realsize"] = "2048",
            };
            writer.WriteEntry(new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.RegularFile, "GNUSparseFile.0/hole", attributes)
            {
                DataStream = new MemoryStream(map),
                ModificationTime = DateTimeOffset.UnixEpoch,
            });
        }

        return output.ToArray();
    }
}
