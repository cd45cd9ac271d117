using System.Buffers.Binary;

namespace NitroEnclaves.Images.Tests;

/// <summary>Runs alone: allocations are counted for the whole process, since the hashes have threads of their own.</summary>
[CollectionDefinition(nameof(LargeImageTests), DisableParallelization = true)]
public sealed class LargeImageCollection;

/// <summary>Images of any size in the same memory.</summary>
[Collection(nameof(LargeImageTests))]
public sealed class LargeImageTests : IDisposable
{
    const long TenGigabytes = 10L << 30;
    const long AllocationLimit = 24 << 20;

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Ten_gigabytes_open_and_read_in_little_memory()
    {
        WriteSparseImage(TenGigabytes);
        using var stop = new CancellationTokenSource();
        long before = GC.GetTotalAllocatedBytes(precise: true);
        using var image = EifFile.Open(_folder["large.eif"]);
        var ramdisk = image.Ramdisks.Last();
        using var data = image.OpenSection(ramdisk);
        data.Position = ramdisk.Size - 1;

        Assert.Equal(TenGigabytes, ramdisk.Size);
        Assert.Equal(0, data.ReadByte());
        Assert.Equal(-1, data.ReadByte());
        // The first 256 MiB of the pass show what the rest would take.
        Assert.ThrowsAny<OperationCanceledException>(() => image.Scan(new StopAfter(256 << 20, stop), stop.Token));
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, AllocationLimit);
    }

    [Fact]
    public void Sparse_image_measures_as_its_bytes_in_memory()
    {
        WriteSparseImage(5 << 20);
        using var onDisk = EifFile.Open(_folder["large.eif"]);
        using var inMemory = EifFile.Parse(File.ReadAllBytes(_folder["large.eif"]));

        var scan = onDisk.Scan();

        Assert.True(scan.CrcMatches);
        Assert.Equal(inMemory.Measure(), scan.Measurements);
    }

    [Fact]
    public void Disk_that_runs_full_is_the_error_that_comes_out()
    {
        using var output = new FullStream();

        Assert.Throws<IOException>(() => Builder(EifSectionContent.FromMemory(new byte[4 << 20])).Write(output));
    }

    [Fact]
    public void Content_that_fails_midway_leaves_the_old_image()
    {
        File.WriteAllText(_folder["image.eif"], "before");

        Assert.Throws<InvalidDataException>(() => Builder(new FailingContent()).Build(_folder["image.eif"]));
        Assert.Equal("before", File.ReadAllText(_folder["image.eif"]));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    void WriteSparseImage(long ramdiskSize)
    {
        // A small image whose last ramdisk grows by a hole: table, section header and checksum follow.
        using (var file = File.Create(_folder["large.eif"]))
        {
            Builder(EifSectionContent.FromMemory(new byte[1])).Write(file);
        }

        byte[] small = File.ReadAllBytes(_folder["large.eif"]);
        using var image = EifFile.Parse(small);
        var last = image.Sections[^1];
        BinaryPrimitives.WriteInt64BigEndian(small.AsSpan(0x11c + (8 * (image.Sections.Count - 1))), ramdiskSize);
        BinaryPrimitives.WriteInt64BigEndian(small.AsSpan((int)last.Offset + 4), ramdiskSize);
        byte[] measured = [.. small[..0x220], .. small[0x224..(int)last.DataOffset]];
        uint crc = Crc32.Combine(Crc32.Append(0, measured), Zeros(ramdiskSize), ramdiskSize);
        BinaryPrimitives.WriteUInt32BigEndian(small.AsSpan(0x220), crc);
        using var sparse = File.Create(_folder["large.eif"]);
        sparse.Write(small);
        sparse.SetLength(last.DataOffset + ramdiskSize);
    }

    /// <summary>The checksum of so many zeros, by doubling.</summary>
    static uint Zeros(long count)
    {
        uint result = 0;
        uint block = Crc32.Append(0, [0]);
        for (long length = 1; count > 0; count >>= 1, length *= 2)
        {
            result = (count & 1) != 0 ? Crc32.Combine(result, block, length) : result;
            block = Crc32.Combine(block, block, length);
        }

        return result;
    }

    static EifBuilder Builder(EifSectionContent ramdisk) => new()
    {
        Kernel = EifSectionContent.FromMemory("kernel"u8.ToArray()),
        CommandLine = "c",
        Ramdisks = [EifSectionContent.FromMemory("init"u8.ToArray()), ramdisk],
        Metadata = EifMetadata.Parse(
            """
            {"ImageName":"a","ImageVersion":"1","BuildMetadata":{"BuildTime":"","BuildTool":"","BuildToolVersion":"",
            "OperatingSystem":"","KernelVersion":""},"DockerInfo":null,"CustomMetadata":null}
            """u8.ToArray()),
    };

    sealed class StopAfter(long bytes, CancellationTokenSource stop) : IProgress<long>
    {
        public void Report(long value)
        {
            if (value >= bytes)
            {
                stop.Cancel();
            }
        }
    }

    sealed class FailingContent : EifSectionContent
    {
        public override void WriteTo(Stream output, CancellationToken cancellationToken)
        {
            output.Write(new byte[3 << 20]);
            throw new InvalidDataException("The content broke off.");
        }
    }

    /// <summary>A disk with room for a megabyte.</summary>
    sealed class FullStream : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (Position + buffer.Length > 1 << 20)
            {
                throw new IOException("No space left on device.");
            }

            base.Write(buffer);
        }
    }
}
