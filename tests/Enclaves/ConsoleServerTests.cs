using System.Net.Sockets;
using System.Text;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>The console of a debug enclave at CID 0, port CID + 10000.</summary>
public sealed class ConsoleServerTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("console-");

    string SocketPath => Path.Combine(_folder.FullName, "c");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_reader_gets_the_console_from_its_beginning_to_its_end()
    {
        var log = new ConsoleLog();
        log.Append("first "u8);
        using var server = ConsoleServer.Start(SocketPath, 16, log);
        var resolver = new ConsoleResolver(SocketPath);
        using var connection = await new VsockConnector(new VsockOptions { Resolvers = [resolver] })
            .ConnectAsync(VsockAddress.Hypervisor, 10_016, TestContext.Current.CancellationToken);
        log.Append("second"u8);
        log.Complete();
        using var reader = new StreamReader(connection.Stream);
        Assert.Equal("first second", await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("CONNECT 10017\n")]
    [InlineData("CONNECT\n")]
    [InlineData("nonsense that is longer than any line of the handshake\n")]
    public void Another_request_is_refused(string request)
    {
        using var server = ConsoleServer.Start(SocketPath, 16, new ConsoleLog());
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 15_000 };
        socket.Connect(new UnixDomainSocketEndPoint(SocketPath));
        socket.Send(Encoding.ASCII.GetBytes(request));
        Assert.True(NitroEnclaves.Virtio.Tests.VsockRig.IsEnded(socket));
    }

    [Fact]
    public async Task A_peer_of_a_strange_name_is_a_peer()
    {
        var log = new ConsoleLog();
        using var server = ConsoleServer.Start(SocketPath, 16, log);
        using (await StrangeName.ConnectAsync(SocketPath, _folder.FullName))
        {
            log.Complete();
            using var connection = await new VsockConnector(new VsockOptions { Resolvers = [new ConsoleResolver(SocketPath)] })
                .ConnectAsync(VsockAddress.Hypervisor, 10_016, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public void Only_its_owner_may_read_it()
    {
        using var server = ConsoleServer.Start(SocketPath, 16, new ConsoleLog());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
    }

    sealed class ConsoleResolver(string path) : IVsockResolver
    {
        public VsockRoute? Resolve(uint cid) => cid == VsockAddress.Hypervisor ? VsockRoute.UnixSocket(path) : null;

        public VsockRoute? ResolveListener() => null;
    }
}
