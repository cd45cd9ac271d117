using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>The parent's port 9000, shared by the processes of all enclaves.</summary>
public sealed class HeartbeatPortTests : IDisposable
{
    readonly StandInParent _parent = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _parent.Dispose();

    [Fact]
    public async Task Each_connection_goes_to_the_process_of_its_enclave_in_whatever_order_they_come()
    {
        var ports = new List<HeartbeatPort>();
        for (var cid = 16u; cid < 26; cid++)
        {
            ports.Add(await OpenAsync(cid));
        }

        for (var cid = 25u; cid >= 16; cid--)
        {
            await ExchangeAsync(ports[(int)cid - 16], cid);
        }

        foreach (var port in ports)
        {
            await port.DisposeAsync();
        }
    }

    [Fact]
    public async Task When_the_owner_goes_another_takes_the_port()
    {
        var first = await OpenAsync(16);
        var second = await OpenAsync(17);
        var third = await OpenAsync(18);
        await ExchangeAsync(third, 18);
        await first.DisposeAsync();
        await ExchangeAsync(second, 17);
        await ExchangeAsync(third, 18);
        await second.DisposeAsync();
        await ExchangeAsync(third, 18);
        await third.DisposeAsync();
        Assert.False(File.Exists(Path.Combine(_parent.Registry.FolderPath, HeartbeatPort.SocketName)));
    }

    [Fact]
    public async Task What_a_killed_owner_left_is_in_nobodys_way()
    {
        await File.WriteAllTextAsync(Path.Combine(_parent.Registry.FolderPath, HeartbeatPort.SocketName), "", Cancellation);
        var port = await OpenAsync(16);
        await ExchangeAsync(port, 16);
        await port.DisposeAsync();
    }

    [Fact]
    public async Task An_enclave_that_nobody_waits_for_disturbs_nobody()
    {
        var port = await OpenAsync(16);
        await using var stranger = await DialAsync(99, 1);
        await ExchangeAsync(port, 16);
        await port.DisposeAsync();
    }

    [Fact]
    public async Task A_port_that_another_program_keeps_is_named()
    {
        using var other = VsockListener.Listen(EnclaveReports.Port, _parent.Vsock);
        await using var port = new HeartbeatPort(16, _parent.Registry.FolderPath, Listen, TimeProvider.System);
        var exception = await Assert.ThrowsAsync<EnclaveException>(async () => await port.AcceptAsync(Cancellation));
        Assert.Equal((EnclaveFailure.BootFailure, 36), (exception.Failure, exception.NitroCliCode));
        Assert.Contains("port 9000", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_of_a_strange_name_keeps_nobody_from_waiting()
    {
        var owner = await OpenAsync(16);
        using var waiting = await StrangeName.ConnectAsync(Path.Combine(_parent.Registry.FolderPath, HeartbeatPort.SocketName), _parent.Registry.FolderPath);
        using var enclave = await StrangeName.ConnectAsync($"{_parent.VsockPath}_{EnclaveReports.Port}", Path.GetDirectoryName(_parent.VsockPath)!);
        var second = await OpenAsync(17);
        await ExchangeAsync(second, 17);
        await second.DisposeAsync();
        await owner.DisposeAsync();
    }

    [Fact]
    public async Task A_socket_that_cannot_be_made_is_told_and_not_waited_for()
    {
        Directory.CreateDirectory(Path.Combine(_parent.Registry.FolderPath, HeartbeatPort.SocketName));
        await using var port = new HeartbeatPort(16, _parent.Registry.FolderPath, Listen, TimeProvider.System);
        var exception = await Assert.ThrowsAsync<EnclaveException>(async () => await port.AcceptAsync(Cancellation));
        Assert.Equal(EnclaveFailure.BootFailure, exception.Failure);
        Assert.Contains("port 9000 cannot be served", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_enclave_that_does_not_report_its_end_leaves_the_port_when_it_is_ready_and_nobody_waits()
    {
        var first = await OpenAsync(16, reportsEnd: false);
        var second = await OpenAsync(17, reportsEnd: false);
        await second.Listening.WaitAsync(Cancellation);
        await ExchangeAsync(first, 16);
        // The owner is ready; it stays for the other, which is not.
        await ExchangeAsync(second, 17);
        await using (await ListenWhenFreeAsync())
        {
            // nitro-cli, or an enclave of another container, could start now; ours would say that somebody has the port.
        }

        await first.DisposeAsync();
        await second.DisposeAsync();
    }

    [Fact]
    public async Task The_port_is_kept_for_an_enclave_that_reports_its_end()
    {
        var first = await OpenAsync(16, reportsEnd: false);
        var second = await OpenAsync(17);
        await ExchangeAsync(first, 16);
        await ExchangeAsync(second, 17);
        await first.DisposeAsync();
        await ExchangeAsync(second, 17);
        Assert.Throws<VsockException>(() => _parent.Listen());
        await second.DisposeAsync();
    }

    // On a parent instance the folder is root's and the group's: 0775 root:ne.
    [Theory]
    [InlineData(0u, new uint[] { 0 }, 0x1fdu, true)]
    [InlineData(1000u, new uint[] { 1000, 77 }, 0x1fdu, true)]
    [InlineData(1000u, new uint[] { 1000 }, 0x1fdu, false)]
    [InlineData(1000u, new uint[] { 1000, 77 }, 0x1edu, false)]
    [InlineData(1000u, new uint[] { 1000 }, 0x1ffu, true)]
    [InlineData(5u, new uint[] { 1000 }, 0x1c0u, true)]
    public void Who_may_write_to_the_registry_may_wait_at_its_owner(uint user, uint[] groups, uint mode, bool permitted) =>
        Assert.Equal(permitted, HeartbeatRegistrants.Permits(user, groups, owner: 5, group: 77, mode));

    [Fact]
    public async Task Everybody_may_knock_at_the_owner()
    {
        var port = await OpenAsync(16);
        var path = Path.Combine(_parent.Registry.FolderPath, HeartbeatPort.SocketName);
        while (File.GetUnixFileMode(path) != (UnixFileMode)0x1b6)
        {
            await Task.Delay(10, Cancellation);
        }

        await port.DisposeAsync();
    }

    VsockListener Listen() => _parent.Listen();

    async Task<VsockListener> ListenWhenFreeAsync()
    {
        while (true)
        {
            try
            {
                return _parent.Listen();
            }
            catch (VsockException)
            {
                await Task.Delay(10, Cancellation);
            }
        }
    }

    async Task<HeartbeatPort> OpenAsync(uint cid, bool reportsEnd = true)
    {
        var port = new HeartbeatPort(cid, _parent.Registry.FolderPath, Listen, TimeProvider.System, reportsEnd);
        // The first one is the owner: it has made its socket when the others come.
        while (!File.Exists(Path.Combine(_parent.Registry.FolderPath, HeartbeatPort.SocketName)))
        {
            await Task.Delay(10, Cancellation);
        }

        return port;
    }

    async Task ExchangeAsync(HeartbeatPort port, uint cid)
    {
        await using var enclave = await DialAsync(cid, (byte)cid);
        await using var parent = await port.AcceptAsync(Cancellation);
        var bytes = new byte[1];
        await parent.ReadExactlyAsync(bytes, Cancellation);
        Assert.Equal((byte)cid, bytes[0]);
        await parent.WriteAsync(bytes, Cancellation);
        await enclave.ReadExactlyAsync(bytes, Cancellation);
    }

    // Between two owners nobody listens for a moment.
    async Task<Stream> DialAsync(uint cid, byte value)
    {
        while (true)
        {
            try
            {
                return await _parent.DialAsync(cid, value);
            }
            catch (System.Net.Sockets.SocketException)
            {
                await Task.Delay(10, Cancellation);
            }
        }
    }
}
