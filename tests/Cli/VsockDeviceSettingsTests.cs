using NitroEnclaves.Enclaves;
using YamlDotNet.Core;

namespace NitroEnclaves.Cli.Tests;

/// <summary>The flags and the file of <c>nitro vsock-device</c>, in the forms of vhost-device-vsock.</summary>
public sealed class VsockDeviceSettingsTests
{
    [Fact]
    public void A_machine_is_read_from_key_value_pairs_of_either_spelling()
    {
        var machine = VsockDeviceSettings.Parse("guest-cid=4,socket=/run/vhost4,uds_path=/run/vm4,tx-buffer-size=65536,queue_size=512,groups=a+b");
        Assert.Equal((4u, "/run/vhost4", "/run/vm4", 65536, 512), (machine.GuestCid, machine.SocketPath, machine.UnixPath, machine.TransmitBufferSize, machine.QueueSize));
        Assert.Equal(["a", "b"], machine.Groups);
    }

    [Fact]
    public void Forwarding_to_the_machines_own_vsock_is_read()
    {
        var machine = VsockDeviceSettings.Parse("socket=/run/vhost3,forward-cid=1,forward-listen=9001+9002");
        Assert.Equal((3u, 1u), (machine.GuestCid, machine.ForwardCid));
        Assert.Equal([9001u, 9002u], machine.ForwardListen);
        Assert.Equal((256 * 1024, 1024, "default"), (machine.TransmitBufferSize, machine.QueueSize, machine.Groups.Single()));
    }

    [Theory]
    [InlineData("guest-cid=3", 1)]
    [InlineData("socket", 3)]
    [InlineData("socket=/s,cid=3", 3)]
    [InlineData("socket=/s,guest-cid=-1", 3)]
    [InlineData("socket=/s,guest-cid=4294967296", 3)]
    [InlineData("socket=/s,queue-size=many", 3)]
    [InlineData("socket=/s,forward-listen=1+two", 3)]
    [InlineData("socket=/s,uds-path=/u,forward-cid=1", 2)]
    public void What_is_wrong_is_told(string text, int code) => Assert.Equal(code, Assert.Throws<CommandFailure>(() => VsockDeviceSettings.Parse(text)).Code);

    [Fact]
    public void The_file_of_vhost_device_vsock_is_read()
    {
        var machines = Parse("""
            vms:
                - guest_cid: 3
                  socket: /tmp/vhost3.socket
                  uds_path: /tmp/vm3.sock
                  tx_buffer_size: 65536
                  queue_size: 1024
                  groups: group1+groupA
                - guest-cid: 4
                  socket: /tmp/vhost4.socket
                  forward-cid: 1
                  forward-listen: [9001, 9002]
            """);
        Assert.Equal([3u, 4u], machines.Select(machine => machine.GuestCid));
        Assert.Equal(["group1", "groupA"], machines[0].Groups);
        Assert.Equal([9001u, 9002u], machines[1].ForwardListen);
    }

    [Theory]
    [InlineData("")]
    [InlineData("vms: []")]
    [InlineData("vms: 3")]
    [InlineData("machines: []")]
    [InlineData("- socket: /s")]
    [InlineData("vms: [{socket: /s, socket: /t}]")]
    [InlineData("vms: [{guest_cid: 3}]")]
    [InlineData("vms: [{socket: {a: b}}]")]
    [InlineData("vms: [{socket: [[[a]]]}]")]
    [InlineData("vms:\n\t- socket: /s")]
    public void A_file_of_another_form_is_refused(string text) => Assert.ThrowsAny<YamlException>(() => Parse(text));

    static IReadOnlyList<VsockDeviceConfiguration> Parse(string text)
    {
        using var reader = new StringReader(text);
        return VsockDeviceFile.Parse(reader);
    }
}
