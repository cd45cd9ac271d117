using System.Buffers.Binary;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The memory of the probe guest: 64 KiB with page tables, descriptor tables and a few instructions of 64-bit code for ring 0. Some
/// implementations of KVM interpret ring 0 and lack exactly what every kernel does early: SSE, cmpxchg16b, an exception through the IDT.
/// </summary>
static class KvmProbeGuest
{
    public const int MemorySize = 0x10000;

    public const ulong PageTable = 0x1000;
    public const ulong GlobalDescriptors = 0x4000;
    public const ushort GlobalDescriptorsLimit = 3 * 8 - 1;
    public const ulong InterruptDescriptors = 0x5000;
    public const ushort InterruptDescriptorsLimit = 4 * 16 - 1;
    public const ulong Stack = 0x8000;
    public const ulong Code = 0x8000;

    /// <summary>The port on which the guest reports, and what it writes there when all went well.</summary>
    public const ushort ReportPort = 0xf4;
    public const byte Success = 0x2a;

    const ulong Handler = 0x8100;
    const int Results = 0x9000;
    const int Exchanged = Results + 16;
    const int HandlerRan = Results + 32;

    const ulong Present = 1;
    const ulong Writable = 2;
    const ulong LargePage = 0x80;
    const ulong CodeDescriptor = 0x00af9b000000ffff;
    const ulong DataDescriptor = 0x00cf93000000ffff;
    const ushort CodeSelector = 8;
    const byte InterruptGate = 0x8e;
    const int Breakpoint = 3;

    static ReadOnlySpan<byte> Instructions =>
    [
        0x66, 0x0f, 0xef, 0xc0,                                     // pxor xmm0, xmm0
        0x66, 0x0f, 0x76, 0xc9,                                     // pcmpeqd xmm1, xmm1
        0x66, 0x0f, 0xfe, 0xc1,                                     // paddd xmm0, xmm1
        0x0f, 0x29, 0x04, 0x25, 0x00, 0x90, 0x00, 0x00,             // movaps [0x9000], xmm0
        0x31, 0xc0,                                                 // xor eax, eax
        0x31, 0xd2,                                                 // xor edx, edx
        0xbb, 0x78, 0x56, 0x34, 0x12,                               // mov ebx, 0x12345678
        0xb9, 0xf0, 0xde, 0xbc, 0x9a,                               // mov ecx, 0x9abcdef0
        0xf0, 0x48, 0x0f, 0xc7, 0x0c, 0x25, 0x10, 0x90, 0x00, 0x00, // lock cmpxchg16b [0x9010]
        0xcc,                                                       // int3
        0xb0, Success,                                              // mov al, Success
        0xe6, (byte)ReportPort,                                     // out ReportPort, al
        0xf4,                                                       // hlt
    ];

    static ReadOnlySpan<byte> HandlerInstructions =>
    [
        0xc6, 0x04, 0x25, 0x20, 0x90, 0x00, 0x00, 0x01, // mov byte [0x9020], 1
        0x48, 0xcf,                                     // iretq
    ];

    /// <summary>Writes the guest into zeroed memory of <see cref="MemorySize"/> bytes.</summary>
    public static void Load(Span<byte> memory)
    {
        // One path through the tables maps the first 2 MiB onto themselves; only the first 64 KiB of them exist.
        Write(memory, PageTable, 0x2000 | Present | Writable);
        Write(memory, 0x2000, 0x3000 | Present | Writable);
        Write(memory, 0x3000, LargePage | Present | Writable);
        Write(memory, GlobalDescriptors + 8, CodeDescriptor);
        Write(memory, GlobalDescriptors + 16, DataDescriptor);
        var gate = memory[((int)InterruptDescriptors + Breakpoint * 16)..];
        BinaryPrimitives.WriteUInt16LittleEndian(gate, (ushort)Handler);
        BinaryPrimitives.WriteUInt16LittleEndian(gate[2..], CodeSelector);
        gate[5] = InterruptGate;
        Instructions.CopyTo(memory[(int)Code..]);
        HandlerInstructions.CopyTo(memory[(int)Handler..]);
    }

    /// <summary>Whether every instruction had its effect.</summary>
    public static bool HasPassed(ReadOnlySpan<byte> memory) =>
        !memory.Slice(Results, 16).ContainsAnyExcept((byte)0xff)
        && BinaryPrimitives.ReadUInt64LittleEndian(memory[Exchanged..]) == 0x12345678
        && BinaryPrimitives.ReadUInt64LittleEndian(memory[(Exchanged + 8)..]) == 0x9abcdef0
        && memory[HandlerRan] == 1;

    static void Write(Span<byte> memory, ulong address, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(memory[(int)address..], value);
}
