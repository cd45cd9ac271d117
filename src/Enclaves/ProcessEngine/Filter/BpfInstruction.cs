namespace NitroEnclaves.Enclaves;

/// <summary>One instruction of a classic BPF program: <c>struct sock_filter</c> (16, 8, 8 and 32 bits), <c>linux/filter.h</c>.</summary>
/// <param name="Code">What it does.</param>
/// <param name="JumpTrue">How many instructions a comparison that holds skips.</param>
/// <param name="JumpFalse">How many one that does not hold skips.</param>
/// <param name="Operand">The number it works with: an offset, a value to compare with, a mask, a verdict.</param>
readonly record struct BpfInstruction(ushort Code, byte JumpTrue, byte JumpFalse, uint Operand)
{
    /// <summary>Bytes of an instruction.</summary>
    public const int Size = 8;

    /// <summary>Loads the word of <c>struct seccomp_data</c> at an offset: BPF_LD | BPF_W | BPF_ABS.</summary>
    public const ushort LoadWord = 0x20;

    /// <summary>Compares what is loaded with the operand: BPF_JMP | BPF_JEQ | BPF_K.</summary>
    public const ushort JumpIfEqual = 0x15;

    /// <summary>Compares what is loaded with the operand: BPF_JMP | BPF_JGE | BPF_K.</summary>
    public const ushort JumpIfNotBelow = 0x35;

    /// <summary>Masks what is loaded with the operand: BPF_ALU | BPF_AND | BPF_K.</summary>
    public const ushort And = 0x54;

    /// <summary>Ends with the operand as the verdict: BPF_RET | BPF_K.</summary>
    public const ushort Return = 0x06;
}
