using System.Net;
using System.Net.Sockets;
using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Vsock.Tests;

public sealed class VsockEndPointTests
{
    [Fact]
    public void Serializes_as_sockaddr_vm()
    {
        var address = new VsockEndPoint(0x01020304, 0x0A0B0C0D).Serialize();

        Assert.Equal(16, address.Size);
        Assert.Equal(
            [40, 0, 0, 0, 0x0D, 0x0C, 0x0B, 0x0A, 0x04, 0x03, 0x02, 0x01, 0, 0, 0, 0],
            address.Buffer.Span[..16].ToArray());
    }

    [Fact]
    public void Reports_a_family_that_sockets_accept() => Assert.Equal(AddressFamily.Unknown, new VsockEndPoint(3, 9000).AddressFamily);

    [Fact]
    public void Comes_back_from_its_serialized_and_its_text_form() =>
        Prop.ForAll<uint, uint>((cid, port) =>
        {
            var endPoint = new VsockEndPoint(cid, port);
            var read = new VsockEndPoint(0, 0).Create(endPoint.Serialize());
            return endPoint.Equals(read) && endPoint.GetHashCode() == read.GetHashCode() && endPoint.Equals(VsockEndPoint.Parse(endPoint.ToString()));
        }).Check(Config.QuickThrowOnFailure.WithReplay(20261101, 7));

    [Fact]
    public void Refuses_an_address_of_another_family() =>
        Assert.Throws<ArgumentException>(() => new VsockEndPoint(0, 0).Create(new IPEndPoint(IPAddress.Loopback, 1).Serialize()));

    [Fact]
    public void Differs_by_cid_and_by_port()
    {
        Assert.NotEqual(new VsockEndPoint(16, 1), new VsockEndPoint(16, 2));
        Assert.NotEqual(new VsockEndPoint(16, 1), new VsockEndPoint(17, 1));
        Assert.False(new VsockEndPoint(16, 1).Equals(new IPEndPoint(0, 1)));
    }

    [Theory]
    [InlineData("vsock://16:5000", 16u, 5000u)]
    [InlineData("VSOCK://3:9000", 3u, 9000u)]
    [InlineData("4294967295:4294967295", uint.MaxValue, uint.MaxValue)]
    public void Reads_text(string text, uint cid, uint port) => Assert.Equal(new VsockEndPoint(cid, port), VsockEndPoint.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("16")]
    [InlineData("16:")]
    [InlineData(":5000")]
    [InlineData("-1:5000")]
    [InlineData("16: 5000")]
    [InlineData("16:5000/")]
    [InlineData("16:4294967296")]
    [InlineData("tcp://16:5000")]
    [InlineData("16:5000:1")]
    public void Refuses_other_text(string text)
    {
        Assert.False(VsockEndPoint.TryParse(text, out _));
        Assert.Throws<FormatException>(() => VsockEndPoint.Parse(text));
    }
}
