using System.Net.Sockets;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class EnclaveSocketTableTests
{
    [Fact]
    public void A_socket_is_found_by_any_descriptor_of_it_and_others_are_not()
    {
        var table = new EnclaveSocketTable();
        using var socket = Create();
        using var other = Create();
        var state = table.Add(socket.SafeHandle);
        Assert.Same(state, table.Find(socket.SafeHandle));
        Assert.Null(table.Find(other.SafeHandle));
        using var file = File.OpenHandle("/dev/null");
        Assert.Null(table.Find(file));
    }

    [Fact]
    public void Sockets_that_were_closed_are_collected_and_open_ones_stay()
    {
        var table = new EnclaveSocketTable();
        using var kept = Create();
        var state = table.Add(kept.SafeHandle);
        for (var count = 0; count < 5000; count++)
        {
            using var socket = Create();
            table.Add(socket.SafeHandle);
        }

        Assert.InRange(table.Count, 1, 2048);
        Assert.Same(state, table.Find(kept.SafeHandle));
    }

    static Socket Create() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
}
