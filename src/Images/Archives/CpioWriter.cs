using System.Buffers.Text;

namespace NitroEnclaves.Images;

/// <summary>Writes an uncompressed "newc" cpio archive, the form in which Linux takes its initial RAM file system.</summary>
/// <remarks>
/// Entry: "070701", then thirteen numbers of eight hexadecimal digits (inode, mode, uid, gid, links, mtime, size, device major and
/// minor, target device major and minor, name length with NUL, zero), the name and a NUL, padding to 4; the data, padding to 4.
/// See the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
/// </remarks>
public sealed class CpioWriter
{
    /// <summary>The most bytes a file may have.</summary>
    public const long MaxFileSize = uint.MaxValue;

    const int HeaderSize = 110;

    readonly Stream _output;
    readonly byte[] _header = new byte[HeaderSize];
    long _length;

    /// <summary>Begins an archive where the stream stands.</summary>
    /// <param name="output">Written in small pieces; buffer what does not like that. It stays open.</param>
    public CpioWriter(Stream output)
    {
        ArgumentNullException.ThrowIfNull(output);
        _output = output;
    }

    /// <summary>Writes a file with the data at hand.</summary>
    /// <param name="entry">The header.</param>
    /// <param name="data">The content, or a symbolic link's target.</param>
    /// <exception cref="ArgumentException">The name is empty, longer than Linux takes, or holds a NUL.</exception>
    public void Write(in CpioEntry entry, ReadOnlySpan<byte> data)
    {
        WriteHeader(entry, data.Length);
        Write(data);
        Pad(4);
    }

    /// <summary>Writes a file with content that is read meanwhile.</summary>
    /// <param name="entry">The header.</param>
    /// <param name="content">The content.</param>
    /// <param name="cancellationToken">Ends the copying early; the archive is then incomplete.</param>
    /// <exception cref="ArgumentException">
    /// The name is empty, longer than Linux takes, or holds a NUL; or the content has 4 GiB or more.
    /// </exception>
    /// <exception cref="IOException">The content cannot be read, or changed its length.</exception>
    public void Write(in CpioEntry entry, FileContent content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        WriteHeader(entry, content.Length);
        using var input = content.OpenRead();
        long copied = StreamCopy.Copy(input, _output, cancellationToken, content.Length);
        if (copied != content.Length)
        {
            throw new IOException($"'{entry.Name}' had {content.Length} bytes and changed while it was being read.");
        }

        _length += copied;
        Pad(4);
    }

    /// <summary>Writes the end mark and fills up with zeros to a multiple of <paramref name="alignment"/> bytes.</summary>
    /// <param name="trailer">The end mark's numbers; its name is always "TRAILER!!!".</param>
    /// <param name="alignment">A power of two, at least 4: what follows in memory must be aligned to that.</param>
    public void Finish(in CpioEntry trailer, int alignment = 512)
    {
        WriteHeader(trailer with { Name = "TRAILER!!!" }, 0);
        Pad(alignment);
    }

    void WriteHeader(in CpioEntry entry, long size)
    {
        byte[] name = UnixPath.Encode(entry.Name);
        if (name.Length is 0 or >= UnixPath.MaxLength || name.AsSpan().Contains((byte)0))
        {
            throw new ArgumentException($"'{entry.Name}' cannot be the name of a file.");
        }

        if (size > MaxFileSize)
        {
            throw new ArgumentException($"'{entry.Name}' has {size} bytes; a ramdisk's files have less than 4 GiB.");
        }

        "070701"u8.CopyTo(_header);
        Span<uint> fields =
        [
            entry.Inode, entry.Mode, entry.UserId, entry.GroupId, entry.Links, entry.ModificationTime, (uint)size, entry.DeviceMajor,
            entry.DeviceMinor, entry.TargetDeviceMajor, entry.TargetDeviceMinor, (uint)name.Length + 1, 0,
        ];
        for (int i = 0; i < fields.Length; i++)
        {
            Utf8Formatter.TryFormat(fields[i], _header.AsSpan(6 + (8 * i), 8), out _, new('x', 8));
        }

        Write(_header);
        Write(name);
        Write([0]);
        Pad(4);
    }

    void Write(ReadOnlySpan<byte> bytes)
    {
        _output.Write(bytes);
        _length += bytes.Length;
    }

    void Pad(int alignment)
    {
        ReadOnlySpan<byte> zeros = stackalloc byte[64];
        for (long left = -_length & (alignment - 1); left > 0;)
        {
            int count = (int)Math.Min(left, zeros.Length);
            Write(zeros[..count]);
            left -= count;
        }
    }
}
