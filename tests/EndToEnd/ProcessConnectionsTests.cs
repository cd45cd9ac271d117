using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Where connections of the process engine's enclaves lead besides the parent's vsock ports, with programs of Go and Python.</summary>
public sealed class ProcessConnectionsTests
{
    const string Go = "/bin/go-vsock";
    const string Python = "/usr/bin/python3";

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 180_000)]
    public async Task A_tcp_port_of_the_parent_leads_into_the_enclave()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        var port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        await using var enclave = await StartAsync(host, options => options with { Forwards = [$"tcp:{port}=vsock:5000"] }, Go, "echo", "5000", "2");
        await using (await host.ConnectAsync(enclave.Info, 5000))
        {
            // Now the program listens.
        }

        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, Cancellation);
        var question = RandomNumberGenerator.GetBytes(1 << 20);
        var asking = client.GetStream().WriteAsync(question, Cancellation).AsTask().ContinueWith(_ => client.Client.Shutdown(SocketShutdown.Send), TaskScheduler.Default);
        using var answer = new MemoryStream();
        await client.GetStream().CopyToAsync(answer, Cancellation);
        await asking;
        Assert.Equal(question, answer.ToArray());
        await GuestConsole.FollowAsync(enclave.Client);
        Assert.Equal((EnclaveEndKind.Exited, 0), await EndAsync(enclave));
    }

    [Fact(Timeout = 180_000)]
    public async Task A_port_of_the_parent_leads_out_to_tcp()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        using var done = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var answering = EchoAsync(server, done.Token);
        var forward = $"vsock:7000=tcp:127.0.0.1:{((IPEndPoint)server.LocalEndpoint).Port}";
        await using var enclave = await StartAsync(host, options => options with { Forwards = [forward] }, Go, "dial", "3", "7000", "200", "20");
        Assert.Equal("dialled: 200 of 200\n", await GuestConsole.FollowAsync(enclave.Client));
        Assert.Equal((EnclaveEndKind.Exited, 0), await EndAsync(enclave));
        await done.CancelAsync();
        await answering;
    }

    [Fact(Timeout = 180_000)]
    public async Task An_enclave_dials_another_where_that_is_allowed()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        await using var answering = await StartAsync(host, options => options with { EnclaveCid = 70 }, Go, "echo", "5000", "41");
        await using (await host.ConnectAsync(answering.Info, 5000))
        {
            // Now the program listens.
        }

        await using (var stranger = await StartAsync(host, options => options with { EnclaveCid = 71 }, Go, "refused", "70", "5000"))
        {
            Assert.Equal("refused: dial vsock vm(70):5000: connect: connection reset by peer\n", await GuestConsole.FollowAsync(stranger.Client));
        }

        await using var friend = await StartAsync(host, options => options with { EnclaveCid = 72, VsockAllow = [70] }, Go, "dial", "70", "5000", "40", "4");
        Assert.Equal("dialled: 40 of 40\n", await GuestConsole.FollowAsync(friend.Client));
        var console = await GuestConsole.FollowAsync(answering.Client);
        Assert.Equal(40, console.Split('\n').Count(line => line == "accepted from CID 72"));
        Assert.Equal((EnclaveEndKind.Exited, 0), await EndAsync(answering));
    }

    [Fact(Timeout = 180_000)]
    public async Task Messages_stay_messages()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(host.RegistryPath, "parent.vsock_7000")));
        listener.Listen();
        await using var enclave = await StartAsync(host, options => options, Python, "/vsock.py", "messages", "3", "7000");
        using var connection = await listener.AcceptAsync(Cancellation);
        var buffer = new byte[100_000];
        Assert.Equal("one", Encoding.ASCII.GetString(buffer, 0, await connection.ReceiveAsync(buffer, Cancellation)));
        Assert.Equal(60_000, await connection.ReceiveAsync(buffer, Cancellation));
        await connection.SendAsync("first"u8.ToArray(), Cancellation);
        await connection.SendAsync("second"u8.ToArray(), Cancellation);
        Assert.Equal("b'first' b'second' True\n", await GuestConsole.FollowAsync(enclave.Client));
    }

    static async Task<LaunchedEnclave> StartAsync(EnclaveHost host, Func<EnclaveOptions, EnclaveOptions> change, params string[] command)
    {
        var image = GuestImage.Build("connecting", await ForeignParts.RootForAsync(command[0]), new ProgramDescription { Command = command });
        return await host.StartAsync(change(host.Options(image.Path) with { DebugMode = true, AttachConsole = true, MemoryMiB = 512 }));
    }

    static async Task<(EnclaveEndKind Kind, int? Status)> EndAsync(LaunchedEnclave enclave)
    {
        var end = await enclave.WaitAsync(Cancellation);
        return (end.Kind, end.Status);
    }

    static async Task EchoAsync(TcpListener server, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var client = await server.AcceptTcpClientAsync(cancellationToken);
                _ = Task.Run(
                    async () =>
                    {
                        using (client)
                        {
                            await client.GetStream().CopyToAsync(client.GetStream(), cancellationToken);
                        }
                    },
                    cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The guest has ended.
        }
    }
}
