using System.Buffers.Binary;
using System.Text;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// A tiny program made of system calls alone: what has to happen in a child between its birth and the start of the enclave's program,
/// where a managed runtime cannot run (unsharing a user namespace needs a process with one thread, and a fork has no runtime left).
/// </summary>
/// <remarks>
/// <para>It is an ELF executable of two segments. The first holds 90 bytes of code, a loop that takes a step, makes its call, stores the
/// result and goes to the step that follows; the second holds the steps, 104 bytes each, and the strings that they point to.</para>
/// <para>A step: number, six arguments, address that takes the result too, step after an error, expected result, step after that, step
/// after any other, result; thirteen words of 64 bits.</para>
/// </remarks>
sealed class LaunchProgram
{
    const ulong CodeAddress = 0x400000;
    const ulong StepsAddress = 0x10000000;
    const ulong DataAddress = StepsAddress + (MostSteps * StepSize);
    const int MostSteps = 512;

    // Behind those of the launch: a report for each descriptor, and the exit.
    const int OwnSteps = 4;
    const int StepSize = 13 * sizeof(ulong);
    const int PageSize = 4096;
    const int HeaderSize = 64 + (2 * 56);
    const int ResultOffset = 12 * sizeof(ulong);
    const long NotReached = long.MinValue;
    const int ReportFailed = 125;

    readonly List<LaunchStep> _steps = [];
    readonly Dictionary<LaunchStep, int> _positions = [];
    readonly List<byte> _data = [];

    /// <summary>Adds a step behind the others.</summary>
    /// <exception cref="EnclaveException">There are too many of them (<see cref="EnclaveFailure.BootFailure"/>).</exception>
    public LaunchStep Add(LaunchStep step)
    {
        if (_steps.Count == MostSteps - OwnSteps)
        {
            // Only the folders of a search path are as many as an image likes.
            throw new EnclaveException(
                EnclaveFailure.BootFailure, $"An enclave is launched by at most {MostSteps - OwnSteps} system calls; the search path (PATH) of its program has too many folders.");
        }

        _positions.Add(step, _steps.Count);
        _steps.Add(step);
        return step;
    }

    /// <summary>Puts bytes into the program's memory, and a zero byte behind them.</summary>
    /// <returns>Their address.</returns>
    public ulong Add(ReadOnlySpan<byte> bytes)
    {
        var address = DataAddress + (ulong)_data.Count;
        _data.AddRange(bytes);
        // At least one zero, and what follows is aligned as any structure wants it.
        _data.AddRange(new byte[8 - (_data.Count % 8)]);
        return address;
    }

    /// <summary>Puts a C string into the program's memory.</summary>
    public ulong Add(string text) => Add(Encoding.UTF8.GetBytes(text));

    /// <summary>Puts an array of C strings, ended by a null, into the program's memory.</summary>
    public ulong AddArray(IReadOnlyList<byte[]> strings)
    {
        var array = new byte[(strings.Count + 1) * sizeof(ulong)];
        for (var index = 0; index < strings.Count; index++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(array.AsSpan(index * sizeof(ulong)), Add(strings[index]));
        }

        return Add(array);
    }

    /// <summary>The executable for x86-64.</summary>
    /// <param name="reportDescriptors">
    /// Where a step that fails sends all steps with their results, as one message, before the program exits: the first of these that is open.
    /// </param>
    public byte[] ToExecutable(params ReadOnlySpan<int> reportDescriptors)
    {
        var length = (ulong)(_steps.Count * StepSize);
        var exit = new LaunchStep { Call = SystemCall.exit_group, Arguments = [ReportFailed], Purpose = "exit" };
        var steps = new List<LaunchStep>(_steps);
        foreach (var descriptor in reportDescriptors)
        {
            // A step that fails leads to the next report, one that succeeds to the exit.
            steps.Add(new LaunchStep
            {
                Call = SystemCall.write, Arguments = [(ulong)descriptor, StepsAddress, length], Purpose = "report", IsErrorTolerated = true, OnOther = exit,
            });
        }

        var exitPosition = steps.Count;
        steps.Add(exit);
        var file = new byte[PageSize + (MostSteps * StepSize) + _data.Count];
        WriteHeader(file, (ulong)(file.Length - PageSize));
        Code().CopyTo(file.AsSpan(HeaderSize));
        for (var index = 0; index < steps.Count; index++)
        {
            Write(file.AsSpan(PageSize + (index * StepSize), StepSize), steps[index], index, exitPosition);
        }

        _data.CopyTo(file, PageSize + (MostSteps * StepSize));
        return file;
    }

    /// <summary>Reads a report: the step that failed, and its error number.</summary>
    /// <returns>Null where the bytes are no report of this program.</returns>
    public (LaunchStep Step, int Error)? ReadReport(ReadOnlySpan<byte> report)
    {
        if (report.Length != _steps.Count * StepSize)
        {
            return null;
        }

        (LaunchStep, int)? failure = null;
        for (var index = 0; index < _steps.Count; index++)
        {
            var result = BinaryPrimitives.ReadInt64LittleEndian(report[((index * StepSize) + ResultOffset)..]);
            if (result is < 0 and >= -4095 && _steps[index] is { IsErrorTolerated: false, HasAlternative: false, OnError: null })
            {
                failure = (_steps[index], (int)-result);
            }
        }

        return failure;
    }

    void Write(Span<byte> target, LaunchStep step, int index, int exitPosition)
    {
        var failure = AddressOf(_steps.Count);
        var own = AddressOf(index);
        var next = AddressOf(index + (step.HasAlternative ? 2 : 1));
        var onError = step.OnError is { } handler ? AddressOf(Position(handler)) : step.IsErrorTolerated || step.HasAlternative ? AddressOf(index + 1) : failure;
        ReadOnlySpan<ulong> arguments = step.Arguments;
        ReadOnlySpan<ulong> words =
        [
            (ulong)step.Call,
            Argument(arguments, 0), Argument(arguments, 1), Argument(arguments, 2), Argument(arguments, 3), Argument(arguments, 4), Argument(arguments, 5),
            step.ResultAddress ?? own + ResultOffset,
            onError,
            (ulong)step.Expected,
            step.OnExpected is { } expected ? AddressOf(Position(expected)) : step.OnOther is { } same ? AddressOf(Position(same)) : next,
            step.OnOther is { } other ? AddressOf(Position(other)) : next,
            unchecked((ulong)NotReached),
        ];
        for (var word = 0; word < words.Length; word++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(target[(word * sizeof(ulong))..], words[word]);
        }

        // The exit, which is in no list, stands behind all others.
        int Position(LaunchStep follower) => _positions.GetValueOrDefault(follower, exitPosition);

        static ulong Argument(ReadOnlySpan<ulong> arguments, int index) => index < arguments.Length ? arguments[index] : 0;
    }

    static ulong AddressOf(int index) => StepsAddress + (ulong)(index * StepSize);

    // mov rbx, steps / next: mov rax, [rbx] / mov rdi.. r9, [rbx + 8..48] / syscall / mov [rbx + 96], rax / mov rcx, [rbx + 56] /
    // mov [rcx], rax / mov rcx, [rbx + 64] / cmp rax, -4095 / jae take / mov rcx, [rbx + 80] / cmp rax, [rbx + 72] / je take /
    // mov rcx, [rbx + 88] / take: mov rbx, rcx / jmp next
    static byte[] Code()
    {
        byte[] start = [0x48, 0xBB, .. BitConverter.GetBytes(StepsAddress)];
        byte[] loop =
        [
            0x48, 0x8B, 0x03,
            0x48, 0x8B, 0x7B, 0x08,
            0x48, 0x8B, 0x73, 0x10,
            0x48, 0x8B, 0x53, 0x18,
            0x4C, 0x8B, 0x53, 0x20,
            0x4C, 0x8B, 0x43, 0x28,
            0x4C, 0x8B, 0x4B, 0x30,
            0x0F, 0x05,
            0x48, 0x89, 0x43, 0x60,
            0x48, 0x8B, 0x4B, 0x38,
            0x48, 0x89, 0x01,
            0x48, 0x8B, 0x4B, 0x40,
            0x48, 0x3D, 0x01, 0xF0, 0xFF, 0xFF,
            0x73, 0x0E,
            0x48, 0x8B, 0x4B, 0x50,
            0x48, 0x3B, 0x43, 0x48,
            0x74, 0x04,
            0x48, 0x8B, 0x4B, 0x58,
            0x48, 0x89, 0xCB,
        ];
        return [.. start, .. loop, 0xEB, (byte)-(loop.Length + 2)];
    }

    // The ELF header and two program headers: the code may be read and executed, the steps and data read and written.
    static void WriteHeader(byte[] file, ulong dataLength)
    {
        ReadOnlySpan<byte> identity = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0];
        identity.CopyTo(file);
        var header = new ElfWords(file, 16);
        header.Half(2).Half(62).Word(1).Long(CodeAddress + HeaderSize).Long(64).Long(0).Word(0).Half(64).Half(56).Half(2).Half(64).Half(0).Half(0);
        header.Word(1).Word(5).Long(0).Long(CodeAddress).Long(CodeAddress).Long(PageSize).Long(PageSize).Long(PageSize);
        header.Word(1).Word(6).Long(PageSize).Long(StepsAddress).Long(StepsAddress).Long(dataLength).Long(dataLength).Long(PageSize);
    }

    sealed class ElfWords(byte[] file, int position)
    {
        int _position = position;

        public ElfWords Half(ushort value)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(_position), value);
            _position += sizeof(ushort);
            return this;
        }

        public ElfWords Word(uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(_position), value);
            _position += sizeof(uint);
            return this;
        }

        public ElfWords Long(ulong value)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(_position), value);
            _position += sizeof(ulong);
            return this;
        }
    }
}
