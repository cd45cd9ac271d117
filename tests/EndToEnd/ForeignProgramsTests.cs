using System.Security.Cryptography;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Other people's vsock and NSM code, unmodified, as enclaves of the process engine: Go, Rust, Python, socat.</summary>
public sealed class ForeignProgramsTests
{
    const uint Cid = 77;
    const uint ParentPort = 7000;
    const uint ServicePort = 5000;
    const int Connections = 3;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory(Timeout = 300_000)]
    [InlineData("/bin/go-vsock dial 3 7000 4000 200", "dialled: 4000 of 4000\n")]
    [InlineData("/bin/go-vsock refused 3 7001", "refused: dial vsock vm(3):7001: connect: connection reset by peer\n")]
    [InlineData("/bin/go-vsock deadline 5000", "deadline: true\nclosed: true\n")]
    [InlineData("/bin/go-vsock id", "own CID: 77\n")]
    [InlineData("/bin/rust-vsock dial 3 7000 2000 50", "dialled: 2000 of 2000\n")]
    [InlineData("/bin/rust-vsock refused 3 7001", "refused: ConnectionReset\n")]
    [InlineData("/bin/rust-vsock id", "own CID: 77\n")]
    [InlineData("/bin/tokio-vsock dial 3 7000 500", "dialled: 500 of 500\n")]
    [InlineData("/bin/tokio-vsock refused 3 7001", "refused: ConnectionReset\n")]
    [InlineData("/usr/bin/python3 /vsock.py dial 3 7000 100", "dialled: 100 of 100\n")]
    [InlineData("/usr/bin/python3 /vsock.py dial-timeout 3 7000 100", "dialled: 100 of 100\n")]
    [InlineData("/usr/bin/python3 /vsock.py dial-asyncio 3 7000 100", "dialled: 100 of 100\n")]
    [InlineData("/usr/bin/python3 /vsock.py refused 3 7001", "refused: ConnectionResetError\n")]
    [InlineData("/usr/bin/python3 /vsock.py timeout 5000", "listening: 5000\naccept: timed out\n")]
    [InlineData("/usr/bin/python3 /vsock.py id", "own CID: 77\n")]
    [InlineData("/usr/bin/socat VSOCK-CONNECT:3:7000 EXEC:/usr/bin/python3_/vsock.py_stdio", "dialled: 1 of 1\n")]
    public async Task Dials(string command, string printed)
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        await using var listener = VsockListener.Listen(ParentPort, host.VsockOptions);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var answering = FourBytes.AnswerAsync(listener, done.Token);
        await using var enclave = await StartAsync(host, command);
        var console = await GuestConsole.FollowAsync(enclave.Client);
        var end = await enclave.WaitAsync(Cancellation);
        await done.CancelAsync();
        await answering;
        Assert.Equal((printed, EnclaveEndKind.Exited, 0), (console, end.Kind, end.Status));
    }

    [Theory(Timeout = 300_000)]
    [InlineData("/bin/go-vsock echo 5000 3")]
    [InlineData("/bin/rust-vsock echo 5000 3")]
    [InlineData("/bin/tokio-vsock echo 5000 3")]
    [InlineData("/usr/bin/python3 /vsock.py echo 5000 3")]
    [InlineData("/usr/bin/python3 /vsock.py echo-asyncio 5000 3")]
    [InlineData("/usr/bin/socat VSOCK-LISTEN:5000,fork,max-children=4 PIPE")]
    public async Task Answers(string command)
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        await using var enclave = await StartAsync(host, command);
        // socat's pipe holds 64 KiB, and socat does not read from it while it writes to it.
        var question = RandomNumberGenerator.GetBytes(command.Contains("PIPE", StringComparison.Ordinal) ? 1 << 12 : 1 << 20);
        for (var count = 0; count < Connections; count++)
        {
            await using var connection = await host.ConnectAsync(enclave.Info, ServicePort);
            var asking = AskAsync(connection, question);
            var answer = new MemoryStream();
            await connection.Stream.CopyToAsync(answer, Cancellation);
            await asking;
            Assert.Equal(question, answer.ToArray());
        }

        if (command.Contains("socat", StringComparison.Ordinal))
        {
            // Takes connections for ever.
            await enclave.Client.TerminateAsync(Cancellation);
            return;
        }

        var console = await GuestConsole.FollowAsync(enclave.Client);
        Assert.Equal(Connections, console.Split('\n').Count(line => line == "accepted from CID 3"));
        Assert.EndsWith("served: 3\n", console, StringComparison.Ordinal);
        Assert.Equal(EnclaveEndKind.Exited, (await enclave.WaitAsync(Cancellation)).Kind);
    }

    [Fact(Timeout = 300_000)]
    public async Task Python_asks_the_nsm_by_ioctl_and_its_own_cbor()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        await using var enclave = await StartAsync(host, "/usr/bin/python3 /nsm.py");
        var console = await GuestConsole.FollowAsync(enclave.Client);
        var id = enclave.Info.EnclaveId;
        Assert.Equal(
            $"module: {id}, 32 registers, SHA384\nextended: True\nerror: {{'Error': 'InvalidIndex'}}\nrandom: 256 bytes\nlocked: LockPCR\n"
            + $"document: {id}, ours, register 16 as extended: True\n",
            console);
        Assert.Equal(0, (await enclave.WaitAsync(Cancellation)).Status);
    }

    // Words stand apart by spaces; an underline stands for one within a word.
    static async Task<LaunchedEnclave> StartAsync(EnclaveHost host, string command)
    {
        string[] words = [.. command.Split(' ').Select(word => word.Replace('_', ' '))];
        var image = GuestImage.Build("foreign", await ForeignParts.RootForAsync(words[0]), new ProgramDescription { Command = words });
        return await host.StartAsync(host.Options(image.Path) with { EnclaveCid = Cid, DebugMode = true, AttachConsole = true, MemoryMiB = 512 });
    }

    static async Task AskAsync(VsockConnection connection, byte[] question)
    {
        await connection.Stream.WriteAsync(question, Cancellation);
        connection.CompleteWrites();
    }
}
