using System.CommandLine;
using System.Runtime.InteropServices;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro vsock-device</c>: the vsock device alone, with the flags of <c>vhost-device-vsock</c>.</summary>
static class VsockDeviceCommand
{
    public static Command Create()
    {
        var guestCid = new Option<string?>("--guest-cid", "--guest_cid") { HelpName = "CID", Description = "The guest's CID (default: 3)." };
        var socket = new Option<string?>("--socket") { HelpName = "PATH", Description = "The vhost-user socket to which the hypervisor connects." };
        var unixPath = new Option<string?>("--uds-path", "--uds_path") { HelpName = "PATH", Description = "The Unix socket for programs: PATH into the guest, PATH_<port> out of it." };
        var forwardCid = new Option<string?>("--forward-cid", "--forward_cid") { HelpName = "CID", Description = "Connect the guest to this CID of the machine's own vsock instead." };
        var forwardListen = new Option<string?>("--forward-listen", "--forward_listen") { HelpName = "PORT+PORT", Description = "Ports of the machine's own vsock that lead into the guest." };
        var buffer = new Option<string?>("--tx-buffer-size", "--tx_buffer_size") { HelpName = "BYTES", Description = "Bytes kept per connection for a program that does not read (default: 262144)." };
        var queue = new Option<string?>("--queue-size", "--queue_size") { HelpName = "N", Description = "Most entries of a queue (default: 1024)." };
        var groups = new Option<string?>("--groups") { HelpName = "NAME+NAME", Description = "Guests with a group in common reach each other (default: default)." };
        var machines = new Option<string[]>("--vm") { HelpName = "KEY=VALUE,...", Description = "A virtual machine, with the flags above as keys. May be repeated." };
        var file = new Option<FileInfo?>("--config") { HelpName = "FILE", Description = "A YAML file with a list of virtual machines under \"vms\"." };
        var single = new[] { guestCid, socket, unixPath, forwardCid, forwardListen, buffer, queue, groups };
        var command = new Command("vsock-device", "Serve a vsock device to anybody's QEMU or cloud-hypervisor over vhost-user.") { machines, file };
        foreach (var option in single)
        {
            command.Add(option);
        }

        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(async () =>
        {
            var given = single.Where(option => parsed.GetValue(option) is not null).ToDictionary(option => option.Name[2..], option => parsed.GetValue(option)!);
            var configurations = parsed.GetValue(file) is { } path ? VsockDeviceFile.Read(path)
                : parsed.GetValue(machines) is { Length: > 0 } list ? [.. list.Select(VsockDeviceSettings.Parse)]
                : new[] { VsockDeviceSettings.Convert(given) };
            await ServeAsync(configurations, cancellationToken);
            return ExitCodes.Success;
        }));
        return command;
    }

    static async Task ServeAsync(IReadOnlyCollection<VsockDeviceConfiguration> configurations, CancellationToken cancellationToken)
    {
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            end.TrySetResult();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using var server = VsockDeviceServer.Start(configurations);
        foreach (var configuration in configurations)
        {
            await Console.Error.WriteLineAsync($"Serving guest {configuration.GuestCid} at {configuration.SocketPath}.");
        }

        await await Task.WhenAny(server.Completion, end.Task.WaitAsync(cancellationToken));
    }
}
