using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images;

/// <summary>The pass over all bytes of an image that gives its checksum and its measurements.</summary>
static class EifScanner
{
    /// <summary>Reads header and sections once.</summary>
    /// <param name="source">The image.</param>
    /// <param name="sections">Its sections in file order.</param>
    /// <param name="pcr8">The measurement of a signed image's certificate.</param>
    /// <param name="progress">Told the bytes read so far, twice a megabyte.</param>
    /// <param name="cancellationToken">Ends the pass early.</param>
    public static (EifMeasurements Measurements, uint Crc) Scan(
        ByteSource source, IReadOnlyList<EifSection> sections, PcrValue? pcr8, IProgress<long>? progress,
        CancellationToken cancellationToken)
    {
        using var pool = new ChunkPool();
        using var measurer = new EifMeasurer();
        Span<byte> header = stackalloc byte[EifHeader.Size];
        source.ReadExactly(0, header);
        uint crc = Crc32.Append(0, header[..EifHeader.Crc32Offset]);
        header = header[..EifSection.HeaderSize];
        for (int i = 0; i < sections.Count; i++)
        {
            var section = sections[i];
            source.ReadExactly(section.Offset, header);
            crc = Crc32.Append(crc, header);
            measurer.Begin(section.Type, BootSectionsFollow(sections, i));
            for (long done = 0; done < section.Size;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var chunk = pool.Rent();
                try
                {
                    chunk.Length = (int)Math.Min(Chunk.Size, section.Size - done);
                    source.ReadExactly(section.DataOffset + done, chunk.Buffer.AsSpan(0, chunk.Length));
                    measurer.Append(chunk);
                    crc = Crc32.Append(crc, chunk.Data);
                    done += chunk.Length;
                }
                finally
                {
                    chunk.Release();
                }

                progress?.Report(section.DataOffset + done);
            }
        }

        return (measurer.Finish(pcr8), crc);
    }

    /// <summary>The checksum alone: of all bytes but its own four in the header.</summary>
    public static uint Checksum(ByteSource source, CancellationToken cancellationToken)
    {
        using var pool = new ChunkPool();
        var chunk = pool.Rent();
        try
        {
            uint crc = 0;
            for (long done = 0; done < source.Length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                long end = done < EifHeader.Crc32Offset ? EifHeader.Crc32Offset : source.Length;
                var bytes = chunk.Buffer.AsSpan(0, (int)Math.Min(Chunk.Size, end - done));
                source.ReadExactly(done, bytes);
                crc = Crc32.Append(crc, bytes);
                done += bytes.Length;
                if (done == EifHeader.Crc32Offset)
                {
                    done = EifHeader.Size;
                }
            }

            return crc;
        }
        finally
        {
            chunk.Release();
        }
    }

    static bool BootSectionsFollow(IReadOnlyList<EifSection> sections, int index)
    {
        // Only asked at ramdisks, so that files with many sections do not cost the square of their number.
        if (sections[index].Type != EifSectionType.Ramdisk)
        {
            return false;
        }

        for (int i = sections.Count - 1; i > index; i--)
        {
            if (sections[i].Type is EifSectionType.Kernel or EifSectionType.CommandLine)
            {
                return true;
            }
        }

        return false;
    }
}
