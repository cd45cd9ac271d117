using System.Buffers.Binary;

namespace NitroEnclaves.Images;

/// <summary>What a virtual machine monitor wants to know of a kernel's ELF file.</summary>
public static class ElfKernel
{
    const int HeaderSize = 64;
    const int ProgramHeaderSize = 56;
    const int MaxProgramHeaders = 64;
    const int MaxNotes = 64 << 10;
    const ushort MachineX64 = 62;
    const uint NoteSegment = 4;

    // XEN_ELFNOTE_PHYS32_ENTRY of the Xen project's elfnote.h.
    const uint PvhEntryNote = 18;

    /// <summary>
    /// The physical address of the 32-bit PVH entry point, from the note of type 18 of the owner "Xen"; null where the file has
    /// none or is no 64-bit x86 ELF file.
    /// </summary>
    /// <param name="elf">A seekable stream that stands at the file's start.</param>
    public static uint? FindPvhEntry(Stream elf)
    {
        ArgumentNullException.ThrowIfNull(elf);
        long start = elf.Position;
        Span<byte> header = stackalloc byte[HeaderSize];
        if (elf.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length || !IsX64(header))
        {
            return null;
        }

        ulong tableOffset = BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
        int entrySize = BinaryPrimitives.ReadUInt16LittleEndian(header[54..]);
        int count = Math.Min((int)BinaryPrimitives.ReadUInt16LittleEndian(header[56..]), MaxProgramHeaders);
        if (entrySize < ProgramHeaderSize)
        {
            return null;
        }

        Span<byte> program = stackalloc byte[ProgramHeaderSize];
        for (int i = 0; i < count; i++)
        {
            if (!TryRead(elf, start, tableOffset + (ulong)(i * entrySize), program))
            {
                return null;
            }

            ulong size = BinaryPrimitives.ReadUInt64LittleEndian(program[32..]);
            if (BinaryPrimitives.ReadUInt32LittleEndian(program) == NoteSegment && size <= MaxNotes)
            {
                byte[] notes = new byte[size];
                if (TryRead(elf, start, BinaryPrimitives.ReadUInt64LittleEndian(program[8..]), notes) && FindNote(notes) is { } entry)
                {
                    return entry;
                }
            }
        }

        return null;
    }

    /// <summary>True for the first bytes (20 at least) of a little-endian 64-bit x86 ELF file.</summary>
    internal static bool IsX64(ReadOnlySpan<byte> header) =>
        header is [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, ..] && BinaryPrimitives.ReadUInt16LittleEndian(header[18..]) == MachineX64;

    static bool TryRead(Stream elf, long start, ulong offset, Span<byte> buffer)
    {
        ulong available = (ulong)(elf.Length - start);
        if (offset > available || (ulong)buffer.Length > available - offset)
        {
            return false;
        }

        elf.Position = start + (long)offset;
        elf.ReadExactly(buffer);
        return true;
    }

    static uint? FindNote(ReadOnlySpan<byte> notes)
    {
        // Each note: name size, description size, type (u32 each), then name and description, each filled up to 4 bytes.
        while (notes.Length >= 12)
        {
            uint nameSize = BinaryPrimitives.ReadUInt32LittleEndian(notes);
            uint descriptionSize = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]);
            ulong descriptionStart = 12 + (((ulong)nameSize + 3) & ~3UL);
            ulong end = descriptionStart + (((ulong)descriptionSize + 3) & ~3UL);
            if (end > (ulong)notes.Length)
            {
                return null;
            }

            var description = notes.Slice((int)descriptionStart, (int)descriptionSize);
            if (type == PvhEntryNote && description.Length >= 4 && notes[12..].StartsWith("Xen\0"u8))
            {
                return BinaryPrimitives.ReadUInt32LittleEndian(description);
            }

            notes = notes[(int)end..];
        }

        return null;
    }
}
