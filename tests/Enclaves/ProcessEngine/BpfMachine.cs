using System.Buffers.Binary;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Runs classic BPF programs over a <c>struct seccomp_data</c>, as the kernel does: for architectures that this machine is not.</summary>
static class BpfMachine
{
    /// <summary>The verdict of an encoded program.</summary>
    public static uint Run(ReadOnlySpan<byte> program, uint architecture, int number, params ReadOnlySpan<ulong> arguments)
    {
        Span<byte> data = stackalloc byte[64];
        data.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(data, number);
        BinaryPrimitives.WriteUInt32LittleEndian(data[4..], architecture);
        for (var index = 0; index < arguments.Length; index++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(data[(16 + index * 8)..], arguments[index]);
        }

        var accumulator = 0u;
        for (var position = 0; ; position++)
        {
            var instruction = program.Slice(position * 8, 8);
            var code = BinaryPrimitives.ReadUInt16LittleEndian(instruction);
            var operand = BinaryPrimitives.ReadUInt32LittleEndian(instruction[4..]);
            switch (code)
            {
                case 0x20:
                    accumulator = BinaryPrimitives.ReadUInt32LittleEndian(data[(int)operand..]);
                    break;
                case 0x15:
                    position += accumulator == operand ? instruction[2] : instruction[3];
                    break;
                case 0x35:
                    position += accumulator >= operand ? instruction[2] : instruction[3];
                    break;
                case 0x54:
                    accumulator &= operand;
                    break;
                case 0x06:
                    return operand;
                default:
                    throw new InvalidOperationException($"Instruction 0x{code:x} is none that seccomp programs here have.");
            }
        }
    }
}
