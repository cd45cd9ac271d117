using System.Buffers;

namespace NitroEnclaves.Images;

/// <summary>Copies streams through a pooled buffer, interruptibly.</summary>
static class StreamCopy
{
    const int BufferSize = 1 << 18;

    /// <summary>Copies to the end of <paramref name="input"/> and returns the bytes copied.</summary>
    /// <exception cref="IOException">There are more bytes than <paramref name="limit"/>.</exception>
    public static long Copy(Stream input, Stream output, CancellationToken cancellationToken, long limit = long.MaxValue)
    {
        if (output is EifSectionStream section)
        {
            return section.ReadFrom(input, limit, cancellationToken);
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            long total = 0;
            for (int read; (read = input.Read(buffer)) > 0; total += read)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (read > limit - total)
                {
                    throw new IOException($"There are more than {limit} bytes.");
                }

                output.Write(buffer.AsSpan(0, read));
            }

            return total;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
