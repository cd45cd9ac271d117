using System.Globalization;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli;

/// <summary>
/// The settings of one virtual machine as text, by the names of <c>vhost-device-vsock</c>'s flags. Underscores and hyphens are the same, as
/// they are there in some places.
/// </summary>
static class VsockDeviceSettings
{
    /// <summary>Reads <c>key=value,key=value</c>.</summary>
    /// <exception cref="CommandFailure">A key is unknown, a value malformed, or the socket missing.</exception>
    public static VsockDeviceConfiguration Parse(string text)
    {
        var settings = new Dictionary<string, string>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=');
            if (equals <= 0)
            {
                throw new CommandFailure(3, $"'{part}' of '{text}' is not of the form key=value.");
            }

            settings[part[..equals]] = part[(equals + 1)..];
        }

        return Convert(settings);
    }

    /// <summary>Converts settings by name.</summary>
    /// <inheritdoc cref="Parse"/>
    public static VsockDeviceConfiguration Convert(IReadOnlyDictionary<string, string> settings)
    {
        string? socket = null;
        var configuration = new VsockDeviceConfiguration { SocketPath = "" };
        foreach (var (name, value) in settings)
        {
            switch (name.Replace('_', '-'))
            {
                case "guest-cid":
                    configuration = configuration with { GuestCid = (uint)Number(name, value, uint.MaxValue) };
                    break;
                case "socket":
                    socket = value;
                    break;
                case "uds-path":
                    configuration = configuration with { UnixPath = value };
                    break;
                case "forward-cid":
                    configuration = configuration with { ForwardCid = (uint)Number(name, value, uint.MaxValue) };
                    break;
                case "forward-listen":
                    configuration = configuration with { ForwardListen = [.. List(value).Select(port => (uint)Number(name, port, uint.MaxValue))] };
                    break;
                case "tx-buffer-size":
                    configuration = configuration with { TransmitBufferSize = (int)Number(name, value, int.MaxValue) };
                    break;
                case "queue-size":
                    configuration = configuration with { QueueSize = (int)Number(name, value, int.MaxValue) };
                    break;
                case "groups":
                    configuration = configuration with { Groups = List(value) };
                    break;
                default:
                    throw new CommandFailure(3, $"There is no setting '{name}' of a vsock device.");
            }
        }

        if (configuration is { UnixPath: not null, ForwardCid: not null } or { UnixPath: not null, ForwardListen.Count: > 0 })
        {
            throw new CommandFailure(2, "uds-path excludes forward-cid and forward-listen: the guest's connections go to one or the other.");
        }

        return configuration with
        {
            SocketPath = socket ?? throw new CommandFailure(1, "A vsock device needs a vhost-user socket: --socket PATH, or a \"socket\" in --vm or the file."),
        };
    }

    static string[] List(string value) => value.Split('+', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    static ulong Number(string name, string value, ulong most) =>
        ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most
            ? number
            : throw new CommandFailure(3, $"The value '{value}' of {name} is not a number of its range.");
}
