using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace NitroEnclaves.Images;

/// <summary>A kernel file: what it is, its version, and the ELF file that is packed in an x86 one.</summary>
/// <remarks>
/// The fields are those of the kernel's Documentation/arch/x86/boot.rst (setup header) and arch/arm64/booting.rst. An emulated
/// CPU takes long to unpack a kernel; with the ELF file taken out on the host, a guest starts that much faster.
/// </remarks>
public sealed class LinuxKernelImage
{
    /// <summary>The most bytes an unpacked kernel may have.</summary>
    public const int MaxExtractedSize = 512 << 20;

    const int SetupHeaderEnd = 0x268;
    const int SectorSize = 512;

    readonly Stream _stream;
    readonly long _start;

    LinuxKernelImage(Stream stream, long start)
    {
        _stream = stream;
        _start = start;
    }

    /// <summary>The form of the file.</summary>
    public KernelFormat Format { get; private init; }

    /// <summary>
    /// The version string of an x86 kernel, such as "6.12.95+deb13-cloud-amd64 (debian-kernel@...) #1 SMP ..."; null where the
    /// file has none at hand.
    /// </summary>
    public string? Version { get; private init; }

    /// <summary>The first word of <see cref="Version"/>: the release, as <c>uname -r</c> prints it.</summary>
    public string? Release => Version?.Split(' ')[0];

    /// <summary>Where the payload of a bzImage begins in the stream, and its length; zero length where there is none.</summary>
    internal (long Offset, long Length) Payload { get; private init; }

    /// <summary>Looks at a kernel.</summary>
    /// <param name="kernel">A seekable stream that stands at the kernel's start, and stays open while the result is used.</param>
    /// <remarks>Never fails for what the bytes are: what is not recognized has <see cref="KernelFormat.Unknown"/>.</remarks>
    public static LinuxKernelImage Read(Stream kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        long start = kernel.Position;
        Span<byte> head = stackalloc byte[SetupHeaderEnd];
        head = head[..kernel.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        if (head.StartsWith("\u007fELF"u8))
        {
            return new LinuxKernelImage(kernel, start) { Format = KernelFormat.Elf };
        }

        if (head.Length >= 0x40 && head[0x38..].StartsWith("ARM\x64"u8))
        {
            return new LinuxKernelImage(kernel, start) { Format = KernelFormat.Arm64Image };
        }

        bool isBzImage = head.Length == SetupHeaderEnd && head[0x202..].StartsWith("HdrS"u8)
            && BinaryPrimitives.ReadUInt16LittleEndian(head[0x1fe..]) == 0xAA55;
        return isBzImage ? ReadBzImage(kernel, start, head) : new LinuxKernelImage(kernel, start);
    }

    /// <summary>Unpacks the ELF file (vmlinux) that a bzImage holds.</summary>
    /// <param name="output">Gets the ELF file; written only in part where the payload turns out malformed.</param>
    /// <param name="cancellationToken">Ends the unpacking early.</param>
    public KernelExtraction Extract(Stream output, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(output);
        var (offset, length) = Payload;
        if (length == 0)
        {
            return KernelExtraction.NothingToExtract;
        }

        // The size of the kernel proper follows the packed bytes (gzip has it as its own last field).
        Span<byte> word = stackalloc byte[8];
        _stream.Position = offset + length - 4;
        _stream.ReadExactly(word[..4]);
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(word);
        _stream.Position = offset;
        _stream.ReadExactly(word);
        if (size is 0 or > MaxExtractedSize)
        {
            return KernelExtraction.Malformed;
        }

        _stream.Position = offset;
        bool gzip = word.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]);
        using var packed = new BoundedStream(_stream, gzip ? length : length - 4);
        var (unpacked, failure) = OpenUnpacked(packed, word);
        if (unpacked is null)
        {
            return failure;
        }

        using (unpacked)
        {
            return CopyElf(unpacked, output, size, cancellationToken) ? KernelExtraction.Extracted : KernelExtraction.Malformed;
        }
    }

    static LinuxKernelImage ReadBzImage(Stream kernel, long start, ReadOnlySpan<byte> head)
    {
        int protocol = BinaryPrimitives.ReadUInt16LittleEndian(head[0x206..]);
        int setupSectors = head[0x1f1] == 0 ? 4 : head[0x1f1];
        long protectedMode = (setupSectors + 1) * SectorSize;
        long payloadOffset = protectedMode + BinaryPrimitives.ReadUInt32LittleEndian(head[0x248..]);
        long payloadLength = BinaryPrimitives.ReadUInt32LittleEndian(head[0x24c..]);
        bool hasPayload = protocol >= 0x208 && payloadLength > 8 && payloadOffset + payloadLength <= kernel.Length - start;
        int version = BinaryPrimitives.ReadUInt16LittleEndian(head[0x20e..]);
        return new LinuxKernelImage(kernel, start)
        {
            Format = KernelFormat.BzImage,
            Version = version == 0 ? null : ReadText(kernel, start + 0x200 + version),
            Payload = hasPayload ? (start + payloadOffset, payloadLength) : default,
        };
    }

    static string? ReadText(Stream stream, long offset)
    {
        stream.Position = offset;
        Span<byte> bytes = stackalloc byte[512];
        bytes = bytes[..stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)];
        int end = bytes.IndexOf((byte)0);
        return end > 0 && !bytes[..end].ContainsAnyExceptInRange((byte)' ', (byte)'~') ? Encoding.ASCII.GetString(bytes[..end]) : null;
    }

    static (Stream? Unpacked, KernelExtraction Failure) OpenUnpacked(Stream packed, ReadOnlySpan<byte> magic) => magic switch
    {
        [0x7f, (byte)'E', (byte)'L', (byte)'F', ..] => (packed, default),
        [0x1f, 0x8b, ..] => (new GZipStream(packed, CompressionMode.Decompress), default),
        [0x28, 0xb5, 0x2f, 0xfd, ..] =>
            ZstandardStream.IsSupported ? (new ZstandardStream(packed), default) : (null, KernelExtraction.LibraryMissing),
        [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..] =>
            XzStream.IsSupported ? (new XzStream(packed), default) : (null, KernelExtraction.LibraryMissing),
        [0x02, 0x21, 0x4c, 0x18, ..] => (new Lz4LegacyStream(packed), default),
        _ => (null, KernelExtraction.UnknownCompression),
    };

    static bool CopyElf(Stream unpacked, Stream output, uint size, CancellationToken cancellationToken)
    {
        try
        {
            Span<byte> head = stackalloc byte[20];
            if (unpacked.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length || !ElfKernel.IsX64(head))
            {
                return false;
            }

            output.Write(head);
            // The payload may be followed by relocations, which count into the size.
            long rest = CopyAtMost(unpacked, output, size - head.Length, cancellationToken);
            return rest == size - head.Length;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    static long CopyAtMost(Stream input, Stream output, long most, CancellationToken cancellationToken)
    {
        using var bounded = new BoundedStream(input, most);
        long copied = StreamCopy.Copy(bounded, output, cancellationToken);
        return input.ReadByte() < 0 ? copied : -1;
    }
}
