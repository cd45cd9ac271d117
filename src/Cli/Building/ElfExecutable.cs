using System.Buffers.Binary;
using System.Text;
using NitroEnclaves.Images;

namespace NitroEnclaves.Cli.Building;

/// <summary>What the header of a Linux program says (ELF, System V ABI chapter 4 and 5).</summary>
/// <param name="Architecture">For which processor; null for one that enclaves do not have.</param>
/// <param name="Interpreter">The dynamic loader that starts it; null for a static program.</param>
sealed record ElfExecutable(EifArchitecture? Architecture, string? Interpreter)
{
    const int HeaderSize = 64;
    const int ProgramHeaderSize = 56;
    const int InterpreterSegment = 3;
    const int MaxInterpreter = 4096;

    /// <summary>Reads a file's header; null where it is no 64-bit little-endian ELF file.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ElfExecutable? Read(string path)
    {
        using var file = File.OpenHandle(path);
        Span<byte> header = stackalloc byte[HeaderSize];
        if (RandomAccess.Read(file, header, 0) < HeaderSize || header is not [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, ..])
        {
            return null;
        }

        EifArchitecture? architecture = BinaryPrimitives.ReadUInt16LittleEndian(header[18..]) switch
        {
            62 => EifArchitecture.X64,
            183 => EifArchitecture.Arm64,
            _ => null,
        };
        var table = BinaryPrimitives.ReadInt64LittleEndian(header[32..]);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(header[54..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header[56..]);
        Span<byte> segment = stackalloc byte[ProgramHeaderSize];
        for (var i = 0; i < count && size >= ProgramHeaderSize && table > 0; i++)
        {
            if (RandomAccess.Read(file, segment, table + ((long)i * size)) < ProgramHeaderSize)
            {
                break;
            }

            if (BinaryPrimitives.ReadUInt32LittleEndian(segment) == InterpreterSegment)
            {
                return new ElfExecutable(architecture, ReadText(file, BinaryPrimitives.ReadInt64LittleEndian(segment[8..]), BinaryPrimitives.ReadInt64LittleEndian(segment[32..])));
            }
        }

        return new ElfExecutable(architecture, null);
    }

    static string ReadText(Microsoft.Win32.SafeHandles.SafeFileHandle file, long offset, long length)
    {
        if (offset < 0 || length is < 1 or > MaxInterpreter)
        {
            return "";
        }

        var text = new byte[length];
        var read = RandomAccess.Read(file, text, offset);
        return Encoding.UTF8.GetString(text, 0, read).TrimEnd('\0');
    }
}
