using System.Net.Sockets;
using System.Threading.Channels;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class EnclaveReportsTests : IAsyncDisposable
{
    readonly Channel<Stream> _connections = Channel.CreateUnbounded<Stream>();
    readonly CancellationTokenSource _stop = new();
    readonly EnclaveReports _reports = new(TimeProvider.System);
    readonly Task _serving;

    public EnclaveReportsTests() => _serving = _reports.ServeAsync(_connections.Reader.ReadAsync, _stop.Token);

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _stop.Dispose();
    }

    [Fact]
    public async Task The_heartbeat_is_echoed()
    {
        await using var guest = Connect();
        guest.WriteByte(0xb7);
        Assert.Equal(0xb7, guest.ReadByte());
        await _reports.Ready.WaitAsync(Cancellation);
        Assert.Equal(-1, guest.ReadByte());
    }

    [Fact]
    public async Task Anything_else_in_its_place_is_a_boot_failure()
    {
        await using var guest = Connect();
        guest.WriteByte(0xb8);
        var failure = await Assert.ThrowsAsync<EnclaveException>(() => _reports.Ready.WaitAsync(Cancellation));
        Assert.Equal((EnclaveFailure.BootFailure, 36), (failure.Failure, failure.NitroCliCode));
        Assert.Contains("0xb8", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_breaks_is_told_to_whoever_waits_for_the_heartbeat()
    {
        var reports = new EnclaveReports(TimeProvider.System);
        var broken = new EnclaveException(EnclaveFailure.BootFailure, "Another program has the port.");
        // It returns: the enclave's end, which waits for it, has nothing to do with the port.
        await reports.ServeAsync(_ => ValueTask.FromException<Stream>(broken), _stop.Token);
        Assert.Same(broken, await Assert.ThrowsAsync<EnclaveException>(() => reports.Ready.WaitAsync(Cancellation)));
    }

    [Theory]
    [InlineData(0, new byte[] { 7, 0, 0, 0 }, EnclaveEndKind.Exited, 7)]
    [InlineData(0, new byte[] { 0, 0, 0, 0 }, EnclaveEndKind.Exited, 0)]
    [InlineData(0, new byte[] { 0xff, 0xff, 0xff, 0xff }, EnclaveEndKind.Exited, -1)]
    [InlineData(1, new byte[] { 9, 0, 0, 0 }, EnclaveEndKind.Signaled, 9)]
    public async Task The_end_is_reported_with_its_status(byte kind, byte[] status, EnclaveEndKind expected, int value)
    {
        await using var guest = Connect();
        guest.Write([0xee, kind, .. status]);
        var end = await _reports.End.WaitAsync(Cancellation);
        Assert.Equal((expected, value), (end.Kind, end.Status));
        Assert.False(_reports.Ready.IsCompleted);
    }

    [Fact]
    public async Task Peers_that_say_nothing_hold_nobody_up()
    {
        for (var peer = 0; peer < 4; peer++)
        {
            Connect();
        }

        await using (var hangingUp = Connect())
        {
        }

        await using (var halfReport = Connect())
        {
            halfReport.Write([0xee, 0, 1]);
        }

        await using (var unknownKind = Connect())
        {
            unknownKind.Write([0xee, 2, 0, 0, 0, 0]);
        }

        await The_heartbeat_is_echoed();
        Assert.False(_reports.End.IsCompleted);
    }

    [Fact]
    public async Task Only_the_first_of_two_reports_counts()
    {
        await using (var first = Connect())
        {
            first.Write([0xee, 0, 1, 0, 0, 0]);
            await _reports.End.WaitAsync(Cancellation);
        }

        await using var second = Connect();
        second.Write([0xee, 0, 2, 0, 0, 0]);
        Assert.Equal(-1, second.ReadByte());
        Assert.Equal(1, (await _reports.End).Status);
    }

    NetworkStream Connect()
    {
        var pair = SocketPair.Create();
        _connections.Writer.TryWrite(new NetworkStream(new Socket(pair.Theirs), ownsSocket: true));
        return pair.TakeStream();
    }
}
