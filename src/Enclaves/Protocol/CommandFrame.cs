using System.Buffers.Binary;

namespace NitroEnclaves.Enclaves;

/// <summary>The framing of the command protocol: a 64-bit little-endian length, then so many bytes.</summary>
static class CommandFrame
{
    /// <summary>The longest frame that a process takes from a command: names and flags.</summary>
    public const int LongestRequest = 64 * 1024;

    /// <summary>The longest frame that a command takes from a process: a description with all its metadata.</summary>
    public const int LongestReply = 16 * 1024 * 1024;

    /// <summary>Reads a frame; null when the stream ends before one begins.</summary>
    /// <exception cref="EnclaveException">The length is above the limit (<see cref="EnclaveFailure.InvalidCommand"/>).</exception>
    /// <exception cref="EndOfStreamException">The stream ends within the frame.</exception>
    public static async ValueTask<byte[]?> ReadAsync(Stream stream, int longest, CancellationToken cancellationToken)
    {
        var head = new byte[sizeof(ulong)];
        var read = await stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        if (read == 0)
        {
            return null;
        }

        var item = new byte[Length(head.AsSpan(0, read), longest)];
        await stream.ReadExactlyAsync(item, cancellationToken).ConfigureAwait(false);
        return item;
    }

    /// <summary>The same, blocking.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public static byte[]? Read(Stream stream, int longest)
    {
        Span<byte> head = stackalloc byte[sizeof(ulong)];
        var read = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        if (read == 0)
        {
            return null;
        }

        var item = new byte[Length(head[..read], longest)];
        stream.ReadExactly(item);
        return item;
    }

    /// <summary>Writes a frame.</summary>
    public static async ValueTask WriteAsync(Stream stream, ReadOnlyMemory<byte> item, CancellationToken cancellationToken)
    {
        var frame = new byte[sizeof(ulong) + item.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(frame, (ulong)item.Length);
        item.CopyTo(frame.AsMemory(sizeof(ulong)));
        await stream.WriteAsync(frame, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the unframed number that some commands answer with.</summary>
    public static async ValueTask<ulong> ReadNumberAsync(Stream stream, CancellationToken cancellationToken)
    {
        var bytes = new byte[sizeof(ulong)];
        await stream.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Writes the unframed number that some commands answer with.</summary>
    public static ValueTask WriteNumberAsync(Stream stream, ulong number, CancellationToken cancellationToken)
    {
        var bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, number);
        return stream.WriteAsync(bytes, cancellationToken);
    }

    static ulong Length(ReadOnlySpan<byte> head, int longest)
    {
        var length = head.Length == sizeof(ulong) ? BinaryPrimitives.ReadUInt64LittleEndian(head) : throw new EndOfStreamException();
        return length <= (ulong)longest
            ? length
            : throw new EnclaveException(EnclaveFailure.InvalidCommand, $"A frame of {length} bytes was announced; {longest} is the most.");
    }
}
