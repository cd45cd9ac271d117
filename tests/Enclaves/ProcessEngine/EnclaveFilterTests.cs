namespace NitroEnclaves.Enclaves.Tests;

public sealed class EnclaveFilterTests
{
    const uint Notify = 0x7fc00000;
    const uint Allow = 0x7fff0000;
    const uint NotImplemented = 0x00050000 | 38;
    const uint NotSupported = 0x00050000 | 95;
    const ulong Vsock = 40;

    public static TheoryData<string> Architectures => ["x86-64", "aarch64"];

    [Theory, MemberData(nameof(Architectures))]
    public void Sockets_of_vsock_are_handed_over_and_all_others_are_not(string name)
    {
        var (numbers, run) = Filter(name);
        Assert.Equal(Notify, run(numbers.Socket, [Vsock, 1]));
        // The kernel takes an int: what stands above it does not matter.
        Assert.Equal(Notify, run(numbers.Socket, [0xFFFFFFFF_00000000 | Vsock, 1]));
        foreach (var domain in (ulong[])[1, 2, 10, 16, 41])
        {
            Assert.Equal(Allow, run(numbers.Socket, [domain, 1]));
            Assert.Equal(Allow, run(numbers.SocketPair, [domain, 1]));
        }

        Assert.Equal(NotSupported, run(numbers.SocketPair, [Vsock, 1]));
    }

    [Theory, MemberData(nameof(Architectures))]
    public void Only_the_ioctls_of_an_enclave_are_handed_over(string name)
    {
        var (numbers, run) = Filter(name);
        Assert.Equal(Notify, run(numbers.Ioctl, [3, 0xC0200A00, 0]));
        // musl sign-extends the number.
        Assert.Equal(Notify, run(numbers.Ioctl, [3, 0xFFFFFFFF_C0200A00, 0]));
        Assert.Equal(Notify, run(numbers.Ioctl, [3, 0xC0200A01, 0]));
        Assert.Equal(Notify, run(numbers.Ioctl, [3, 0x7B9, 0]));
        Assert.Equal(Allow, run(numbers.Ioctl, [3, 0x5401, 0]));
        Assert.Equal(Allow, run(numbers.Ioctl, [3, 0x541B, 0]));
    }

    [Theory, MemberData(nameof(Architectures))]
    public void Calls_that_may_be_on_such_a_socket_are_handed_over(string name)
    {
        var (numbers, run) = Filter(name);
        foreach (var number in (int[])[numbers.Bind, numbers.Connect, numbers.Accept, numbers.Accept4, numbers.GetSocketName, numbers.GetPeerName])
        {
            Assert.Equal(Notify, run(number, [5, 0x1000, 16]));
        }

        Assert.Equal(Notify, run(numbers.GetSocketOption, [5, 1, 4]));
        Assert.Equal(Notify, run(numbers.GetSocketOption, [5, 1, 39]));
        Assert.Equal(Notify, run(numbers.GetSocketOption, [5, Vsock, 0]));
        Assert.Equal(Allow, run(numbers.GetSocketOption, [5, 1, 3]));
        Assert.Equal(Allow, run(numbers.GetSocketOption, [5, 6, 4]));
        Assert.Equal(Notify, run(numbers.SetSocketOption, [5, Vsock, 6]));
        Assert.Equal(Allow, run(numbers.SetSocketOption, [5, 1, 2]));
    }

    [Theory, MemberData(nameof(Architectures))]
    public void Ways_around_the_filter_are_refused(string name)
    {
        var (numbers, run) = Filter(name);
        var program = EnclaveFilter.Encode(EnclaveFilter.Build(numbers));
        Assert.Equal(NotImplemented, run(numbers.IoUringSetup, []));
        Assert.Equal(NotImplemented, BpfMachine.Run(program, 0x40000003, numbers.Socket, Vsock));
        if (numbers.FirstForeignNumber is { } foreign)
        {
            Assert.Equal(NotImplemented, run((int)foreign + numbers.Socket, [Vsock]));
            Assert.Equal(NotImplemented, run(-1, []));
        }
    }

    [Theory, MemberData(nameof(Architectures))]
    public void Every_other_call_is_allowed(string name)
    {
        var (numbers, run) = Filter(name);
        int[] known =
        [
            numbers.Ioctl, numbers.Socket, numbers.SocketPair, numbers.Bind, numbers.Connect, numbers.Accept, numbers.Accept4, numbers.GetSocketName,
            numbers.GetPeerName, numbers.GetSocketOption, numbers.SetSocketOption, numbers.IoUringSetup,
        ];
        foreach (var number in Enumerable.Range(0, 600).Except(known))
        {
            Assert.Equal(Allow, run(number, [Vsock, Vsock, Vsock]));
        }
    }

    static (CallNumbers Numbers, Verdict Run) Filter(string name)
    {
        var numbers = name == "x86-64" ? CallNumbers.X64 : CallNumbers.Arm64;
        var program = EnclaveFilter.Encode(EnclaveFilter.Build(numbers));
        return (numbers, (number, arguments) => BpfMachine.Run(program, numbers.AuditArchitecture, number, arguments));
    }

    delegate uint Verdict(int number, ulong[] arguments);
}
