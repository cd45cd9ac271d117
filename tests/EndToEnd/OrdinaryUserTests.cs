using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The process engine for a user without any rights, from the start of an enclave to its end.</summary>
public sealed class OrdinaryUserTests
{
    const string Python = "/usr/bin/python3";

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 300_000)]
    public async Task An_enclave_needs_no_root()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var program = new ProgramDescription { Command = [Python, "/vsock.py", "echo", "5000", "2"], Environment = ["PATH=/usr/bin"], User = "33:33" };
        var built = GuestImage.Build("unprivileged", await ForeignParts.RootForAsync(Python), program);
        var (user, image) = await OrdinaryUser.CreateAsync(host, built.Path);
        using var _ = user;
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var answering = EchoOnceAsync(server);

        var run = await user.RunAsync(
            host, "run-enclave", "--engine", "process", "--eif-path", image, "--memory", "512", "--cpu-count", "1", "--debug-mode", "--module-id", host.NewModuleId(),
            "--forward", $"vsock:7000=tcp:127.0.0.1:{((IPEndPoint)server.LocalEndpoint).Port}");
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains(ProcessEngine.Warning, run.Error, StringComparison.Ordinal);
        if (Environment.IsPrivilegedProcess)
        {
            // The control groups here are root's.
            Assert.Contains("An enclave's memory and number of processes are not limited here", run.Error, StringComparison.Ordinal);
        }

        var enclave = Assert.Single(host.Registry.List());
        Assert.Equal(enclave.Id, (string?)JsonNode.Parse(run.Output)!["EnclaveID"]);

        // Inside he is the image's user; its NSM and its vsock, in and out, are the enclave's.
        Assert.Equal("33 33\n", await ExecAsync("-c", "import os; print(os.getuid(), os.getgid())"));
        Assert.StartsWith($"module: {enclave.Id}, 32 registers, SHA384\n", await ExecAsync("/nsm.py"), StringComparison.Ordinal);
        Assert.Equal("dialled: 1 of 1\n", await ExecAsync("/vsock.py", "dial", "3", "7000", "1"));
        await answering;
        var console = user.RunAsync(host, "console", "--enclave-id", enclave.Id, "--disconnect-timeout", "10");
        await TalkAsync(host, enclave);
        Assert.Equal(
            "Connecting to the console for enclave 16...\nSuccessfully connected to the console.\nlistening: 5000\r\naccepted from CID 3\r\n", (await console).Output);
        var described = JsonNode.Parse((await user.RunAsync(host, "describe-enclaves")).Output)![0]!;
        Assert.Equal(("RUNNING", ProcessEngine.Warning), ((string?)described["State"], (string?)described["Warning"]));

        // After its second connection the program ends by itself.
        await TalkAsync(host, enclave);
        await host.AssertNothingLeftAsync();
        Assert.Contains(
            "The enclave's program exited with status 0.", await File.ReadAllTextAsync(Path.Combine(host.LogPath, "nitro_enclaves.log"), Cancellation), StringComparison.Ordinal);

        async Task<string> ExecAsync(params string[] arguments)
        {
            var result = await user.RunAsync(host, ["exec", enclave.Id, "--", "python3", .. arguments]);
            Assert.Equal(("", 0), (result.Error, result.ExitCode));
            return result.Output;
        }
    }

    [Fact(Timeout = 180_000)]
    public async Task He_terminates_what_he_has_started()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var (user, image) = await OrdinaryUser.CreateAsync(host, (await GuestImage.FromProgramAsync("obey")).Path);
        using var _ = user;
        var run = await user.RunAsync(host, "run-enclave", "--engine", "process", "--eif-path", image, "--memory", "64", "--cpu-count", "1", "--module-id", host.NewModuleId());
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(0, (await user.RunAsync(host, "terminate-enclave", "--all")).ExitCode);
        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 180_000)]
    public async Task Without_user_namespaces_there_is_one_sentence()
    {
        // In a namespace of its own, in which no further ones may be made.
        var doctor = await Tool.TryRunAsync(
            "unshare", ["--user", "--map-root-user", "sh", "-c", "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$0\" doctor", Checkout.BuiltCommand]);
        Assert.EndsWith(
            "process  no   The process engine cannot run here: user.max_user_namespaces allows no user namespace; raise it with sysctl.\n", doctor.Output, StringComparison.Ordinal);
    }

    static async Task TalkAsync(EnclaveHost host, EnclaveEntry enclave)
    {
        await using var connection = await host.ConnectAsync(enclave.Cid, 5000);
        await connection.Stream.WriteAsync("hello"u8.ToArray(), Cancellation);
        connection.CompleteWrites();
        using var answer = new MemoryStream();
        await connection.Stream.CopyToAsync(answer, Cancellation);
        Assert.Equal("hello"u8.ToArray(), answer.ToArray());
    }

    static async Task EchoOnceAsync(TcpListener server)
    {
        using var client = await server.AcceptTcpClientAsync(Cancellation);
        await client.GetStream().CopyToAsync(client.GetStream(), Cancellation);
    }
}
