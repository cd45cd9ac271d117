using System.Buffers.Binary;

namespace NitroEnclaves.Images.Tests;

/// <summary>Kernel files made of nothing but the fields that a boot loader looks at.</summary>
static class TestKernels
{
    public const string Version = "6.12.95-test (builder@example) #1 SMP";

    /// <summary>A 64-bit x86 ELF file with one note segment that holds a note of Linux and the PVH entry.</summary>
    public static byte[] Elf(uint pvhEntry = 0x1000370)
    {
        byte[] elf = new byte[5000];
        new Random(3).NextBytes(elf);
        ReadOnlySpan<byte> identification = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0];
        identification.CopyTo(elf);
        BinaryPrimitives.WriteUInt16LittleEndian(elf.AsSpan(18), 62);
        BinaryPrimitives.WriteUInt64LittleEndian(elf.AsSpan(32), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(elf.AsSpan(54), 56);
        BinaryPrimitives.WriteUInt16LittleEndian(elf.AsSpan(56), 2);
        elf.AsSpan(64, 112).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(elf.AsSpan(64), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(elf.AsSpan(120), 4);
        BinaryPrimitives.WriteUInt64LittleEndian(elf.AsSpan(120 + 8), 200);
        BinaryPrimitives.WriteUInt64LittleEndian(elf.AsSpan(120 + 32), 16 + 4 + 20);
        WriteNote(elf.AsSpan(200), 1, "Lin\0"u8, 7);
        WriteNote(elf.AsSpan(220), 18, "Xen\0"u8, pvhEntry);
        return elf;

        static void WriteNote(Span<byte> note, uint type, ReadOnlySpan<byte> name, uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(note, (uint)name.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(note[4..], 4);
            BinaryPrimitives.WriteUInt32LittleEndian(note[8..], type);
            name.CopyTo(note[12..]);
            BinaryPrimitives.WriteUInt32LittleEndian(note[16..], value);
        }
    }

    /// <summary>A bzImage around a payload as it is in the file (with its size field, where it has one).</summary>
    public static byte[] BzImage(ReadOnlySpan<byte> payload)
    {
        const int setupSectors = 3;
        const int stub = 100;
        const int protectedMode = (setupSectors + 1) * 512;
        byte[] image = new byte[protectedMode + stub + payload.Length + 64];
        image[0x1f1] = setupSectors;
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x1fe), 0xAA55);
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x206), 0x20f);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x20e), 0x300);
        System.Text.Encoding.ASCII.GetBytes(Version).CopyTo(image, 0x500);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x248), stub);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x24c), (uint)payload.Length);
        payload.CopyTo(image.AsSpan(protectedMode + stub));
        return image;
    }

    /// <summary>Packed bytes followed by the size of what they unpack to.</summary>
    public static byte[] WithSize(byte[] packed, int size)
    {
        byte[] payload = [.. packed, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32LittleEndian(payload.AsSpan(packed.Length), size);
        return payload;
    }

    /// <summary>A Zstandard frame of raw blocks, split as asked.</summary>
    public static byte[] Zstandard(ReadOnlySpan<byte> data, int blockSize = 1000)
    {
        var frame = new List<byte> { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58 };
        do
        {
            int size = Math.Min(blockSize, data.Length);
            int header = (size << 3) | (size == data.Length ? 1 : 0);
            frame.AddRange([(byte)header, (byte)(header >> 8), (byte)(header >> 16)]);
            frame.AddRange(data[..size]);
            data = data[size..];
        }
        while (!data.IsEmpty);
        return [.. frame];
    }

    /// <summary>An LZ4 legacy frame of literals, split as asked.</summary>
    public static byte[] Lz4(ReadOnlySpan<byte> data, int blockSize = 1000)
    {
        var frame = new List<byte> { 0x02, 0x21, 0x4c, 0x18 };
        while (!data.IsEmpty)
        {
            int size = Math.Min(blockSize, data.Length);
            var block = new List<byte> { 0xf0 };
            int left = size - 15;
            for (; left >= 255; left -= 255)
            {
                block.Add(255);
            }

            block.Add((byte)left);
            block.AddRange(data[..size]);
            byte[] length = new byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(length, block.Count);
            frame.AddRange(length);
            frame.AddRange(block);
            data = data[size..];
        }

        return [.. frame];
    }
}
