using System.Buffers.Binary;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The seccomp filter of a process engine's enclave: hands the calls that only an enclave has (the NSM's ioctl, AF_VSOCK sockets) to the
/// supervisor, refuses what would lead around it, and lets everything else pass at full speed (emulation 5).
/// </summary>
/// <remarks>
/// A filter sees numbers, never what they point to: of calls on existing sockets it cannot tell whose socket it is, so the supervisor gets
/// all of them and lets those on other sockets go on.
/// </remarks>
static class EnclaveFilter
{
    /// <summary>The NSM driver's only command (nsm-and-attestation 1.1). Compared in its low half: musl sign-extends it.</summary>
    public const uint NsmIoctl = 0xC0200A00;

    /// <summary>IOCTL_VM_SOCKETS_GET_LOCAL_CID, on <c>/dev/vsock</c>.</summary>
    public const uint LocalCidIoctl = 0x7B9;

    /// <summary>_IOC_TYPE of the NSM's command: those of this type that its driver does not know are answered as well, as it would.</summary>
    public const byte NsmIoctlType = 0x0A;

    const uint IoctlTypeMask = 0xFF00;

    const uint Notify = Interop.Seccomp.SECCOMP_RET_USER_NOTIF;
    const uint Allow = Interop.Seccomp.SECCOMP_RET_ALLOW;

    // struct seccomp_data: the call's number, the architecture, the instruction's address, six arguments of 64 bits (low half first).
    const uint NumberOffset = 0;
    const uint ArchitectureOffset = 4;
    const uint FirstArgumentOffset = 16;

    /// <summary>The program for an architecture.</summary>
    /// <param name="numbers">Its call numbers.</param>
    /// <param name="ioctlType">The type (_IOC_TYPE) of the device's commands, all of which are handed over.</param>
    public static BpfInstruction[] Build(CallNumbers numbers, byte ioctlType = NsmIoctlType)
    {
        var program = new List<BpfInstruction>
        {
            Load(ArchitectureOffset),
            new(BpfInstruction.JumpIfEqual, 1, 0, numbers.AuditArchitecture),
            Refuse(Interop.Errno.ENOSYS),
            Load(NumberOffset),
        };
        if (numbers.FirstForeignNumber is { } foreign)
        {
            program.AddRange([new(BpfInstruction.JumpIfNotBelow, 0, 1, foreign), Refuse(Interop.Errno.ENOSYS)]);
        }

        // Rings of io_uring open and connect sockets without a system call that anybody could intercept.
        AddCall(program, numbers.IoUringSetup, [Refuse(Interop.Errno.ENOSYS)]);
        AddCall(program, numbers.Socket, IfArgument(0, Notify, Interop.EnclaveSocket.AF_VSOCK));
        AddCall(program, numbers.SocketPair,
        [
            Load(Argument(0)),
            new(BpfInstruction.JumpIfEqual, 0, 1, Interop.EnclaveSocket.AF_VSOCK),
            Refuse(Interop.Errno.EOPNOTSUPP),
            Verdict(Allow),
        ]);
        AddCall(program, numbers.Ioctl,
        [
            Load(Argument(1)),
            new(BpfInstruction.JumpIfEqual, 3, 0, LocalCidIoctl),
            new(BpfInstruction.And, 0, 0, IoctlTypeMask),
            new(BpfInstruction.JumpIfEqual, 1, 0, (uint)ioctlType << 8),
            Verdict(Allow),
            Verdict(Notify),
        ]);
        foreach (var number in (int[])[numbers.Bind, numbers.Connect, numbers.Accept, numbers.Accept4, numbers.GetSocketName, numbers.GetPeerName])
        {
            AddCall(program, number, [Verdict(Notify)]);
        }

        AddCall(program, numbers.SetSocketOption, IfArgument(1, Notify, Interop.EnclaveSocket.AF_VSOCK));
        AddCall(program, numbers.GetSocketOption,
        [
            Load(Argument(1)),
            new(BpfInstruction.JumpIfEqual, 4, 0, Interop.EnclaveSocket.AF_VSOCK),
            new(BpfInstruction.JumpIfEqual, 0, 4, Interop.SOL_SOCKET),
            Load(Argument(2)),
            new(BpfInstruction.JumpIfEqual, 1, 0, Interop.EnclaveSocket.SO_ERROR),
            new(BpfInstruction.JumpIfEqual, 0, 1, Interop.EnclaveSocket.SO_DOMAIN),
            Verdict(Notify),
            Verdict(Allow),
        ]);
        program.Add(Verdict(Allow));
        return [.. program];
    }

    /// <summary>The program as <c>seccomp(2)</c> takes it.</summary>
    public static byte[] Encode(IReadOnlyList<BpfInstruction> program)
    {
        var bytes = new byte[program.Count * BpfInstruction.Size];
        for (var index = 0; index < program.Count; index++)
        {
            var target = bytes.AsSpan(index * BpfInstruction.Size);
            BinaryPrimitives.WriteUInt16LittleEndian(target, program[index].Code);
            target[2] = program[index].JumpTrue;
            target[3] = program[index].JumpFalse;
            BinaryPrimitives.WriteUInt32LittleEndian(target[4..], program[index].Operand);
        }

        return bytes;
    }

    // The number is loaded when this begins, and still is where another call follows: a body always ends in a verdict.
    static void AddCall(List<BpfInstruction> program, int number, BpfInstruction[] body)
    {
        program.Add(new(BpfInstruction.JumpIfEqual, 0, (byte)body.Length, (uint)number));
        program.AddRange(body);
    }

    static BpfInstruction[] IfArgument(int argument, uint verdict, params ReadOnlySpan<uint> values)
    {
        var body = new List<BpfInstruction> { Load(Argument(argument)) };
        for (var index = 0; index < values.Length; index++)
        {
            body.Add(new(BpfInstruction.JumpIfEqual, (byte)(values.Length - index), 0, values[index]));
        }

        return [.. body, Verdict(Allow), Verdict(verdict)];
    }

    static uint Argument(int index) => FirstArgumentOffset + (uint)(index * sizeof(ulong));

    static BpfInstruction Load(uint offset) => new(BpfInstruction.LoadWord, 0, 0, offset);

    static BpfInstruction Verdict(uint verdict) => new(BpfInstruction.Return, 0, 0, verdict);

    static BpfInstruction Refuse(int error) => Verdict(Interop.Seccomp.SECCOMP_RET_ERRNO | (uint)error);
}
