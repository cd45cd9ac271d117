using System.Buffers;

namespace NitroEnclaves.Images;

/// <summary>The pass over all bytes of an image that gives its checksum and its measurements.</summary>
static class EifScanner
{
    const int BufferSize = 1 << 20;

    /// <summary>Reads header and sections once.</summary>
    /// <param name="source">The image.</param>
    /// <param name="sections">Its sections in file order.</param>
    /// <param name="pcr8">The measurement of a signed image's certificate.</param>
    /// <param name="progress">Told the bytes read so far, about once a megabyte.</param>
    /// <param name="cancellationToken">Ends the pass early.</param>
    public static (EifMeasurements Measurements, uint Crc) Scan(
        ByteSource source, IReadOnlyList<EifSection> sections, PcrValue? pcr8, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            using var measurer = new EifMeasurer();
            source.ReadExactly(0, buffer.AsSpan(0, EifHeader.Size));
            uint crc = Crc32.Append(0, buffer.AsSpan(0, EifHeader.Crc32Offset));
            for (int i = 0; i < sections.Count; i++)
            {
                var section = sections[i];
                var header = buffer.AsSpan(0, EifSection.HeaderSize);
                source.ReadExactly(section.Offset, header);
                crc = Crc32.Append(crc, header);
                measurer.Begin(section.Type, BootSectionsFollow(sections, i));
                for (long done = 0; done < section.Size;)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var data = buffer.AsSpan(0, (int)Math.Min(buffer.Length, section.Size - done));
                    source.ReadExactly(section.DataOffset + done, data);
                    crc = Crc32.Append(crc, data);
                    measurer.Append(data);
                    done += data.Length;
                    progress?.Report(section.DataOffset + done);
                }
            }

            return (measurer.Finish(pcr8), crc);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
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
