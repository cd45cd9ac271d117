using System.Buffers;
using System.Buffers.Binary;

namespace NitroEnclaves.Vsock;

/// <summary>
/// Messages over a stream, for programs that do not want HTTP: each is its length as 32 bits big-endian and its bytes. No length is
/// believed beyond the limit, so a peer cannot make this end reserve memory that it has not paid for in bytes.
/// </summary>
public static class VsockFrames
{
    /// <summary>The limit unless told otherwise: 1 MiB.</summary>
    public const int DefaultMaxLength = 1024 * 1024;

    const int HeaderSize = sizeof(uint);

    // A long frame is believed as it arrives, in steps.
    const int FirstStep = 64 * 1024;

    /// <summary>Writes one frame.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="message">The bytes; none is a frame too.</param>
    /// <param name="cancellationToken">Gives up; the stream is of no use afterwards.</param>
    public static async ValueTask WriteFrameAsync(this Stream stream, ReadOnlyMemory<byte> message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var length = HeaderSize + message.Length;
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Min(length, FirstStep));
        try
        {
            // Header and beginning in one write: a short message is one packet.
            BinaryPrimitives.WriteUInt32BigEndian(buffer, (uint)message.Length);
            var first = Math.Min(message.Length, Math.Min(length, FirstStep) - HeaderSize);
            message.Span[..first].CopyTo(buffer.AsSpan(HeaderSize));
            await stream.WriteAsync(buffer.AsMemory(0, HeaderSize + first), cancellationToken).ConfigureAwait(false);
            if (first < message.Length)
            {
                await stream.WriteAsync(message[first..], cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads one frame.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="maxLength">The longest message that is accepted, in bytes, 0 or more.</param>
    /// <param name="cancellationToken">Gives up; the stream is of no use afterwards.</param>
    /// <returns>The message, or null where the stream has ended before a frame.</returns>
    /// <exception cref="VsockException">
    /// <see cref="VsockError.FrameTooLarge"/>: the frame announces more than allowed. <see cref="VsockError.FrameTruncated"/>: the stream ends
    /// within a frame.
    /// </exception>
    public static async ValueTask<byte[]?> ReadFrameAsync(
        this Stream stream, int maxLength = DefaultMaxLength, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfNegative(maxLength);
        var header = new byte[HeaderSize];
        var read = await stream.ReadAtLeastAsync(header, HeaderSize, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        if (read == 0)
        {
            return null;
        }

        if (read < HeaderSize)
        {
            throw Truncated();
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(header);
        if (length > (uint)maxLength)
        {
            throw new VsockException(VsockError.FrameTooLarge, $"A frame announces {length} bytes, and {maxLength} are accepted.");
        }

        var message = new byte[Math.Min((int)length, FirstStep)];
        for (var filled = 0; filled < (int)length;)
        {
            if (filled == message.Length)
            {
                Array.Resize(ref message, (int)Math.Min(length, 2L * message.Length));
            }

            read = await stream.ReadAtLeastAsync(message.AsMemory(filled), message.Length - filled, throwOnEndOfStream: false, cancellationToken)
                .ConfigureAwait(false);
            filled += read;
            if (filled < message.Length)
            {
                throw Truncated();
            }
        }

        return message;
    }

    static VsockException Truncated() => new(VsockError.FrameTruncated, "The peer has closed the connection within a frame.");
}
