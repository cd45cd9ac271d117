using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// What nitro-cli does with its folder of sockets, written from its description (eif-and-nitro-cli 3.4, 3.5): it asks every <c>.sock</c> there,
/// deletes those that nobody serves, and finds the socket of an id by what follows <c>-enc</c>.
/// </summary>
sealed class NitroCliClient(string folder)
{
    /// <summary><c>describe-enclaves</c>: what every process answers.</summary>
    public List<JsonElement> Describe(bool metadata) =>
    [
        .. Everywhere().Select(peer =>
        {
            using (peer)
            {
                peer.SendCommand("Describe");
                peer.Send([0xa1, 0x68, .. "metadata"u8, (byte)(metadata ? 0xf5 : 0xf4)]);
                Assert.Equal(0xEEC0UL, peer.ReadNumber());
                return JsonDocument.Parse(Outputs(peer)).RootElement;
            }
        }),
    ];

    /// <summary>The id of a name: what all processes together print.</summary>
    public string[] IdsOf(string name) =>
    [
        .. Everywhere().Select(peer =>
        {
            using (peer)
            {
                peer.SendCommand("GetIDbyName");
                peer.Send([(byte)(0x60 + name.Length), .. Encoding.ASCII.GetBytes(name)]);
                Assert.Equal(0xEEC0UL, peer.ReadNumber());
                return Outputs(peer);
            }
        }).Where(output => output.Length > 0).Select(output => JsonSerializer.Deserialize<string>(output)!),
    ];

    /// <summary><c>terminate-enclave --enclave-id</c>; completes when the process has closed the connection.</summary>
    public JsonElement Terminate(string id)
    {
        using var peer = new NitroCliPeer(Path.Combine(folder, id.Split("-enc")[^1] + ".sock"));
        peer.SendCommand("Terminate");
        return JsonDocument.Parse(Outputs(peer)).RootElement;
    }

    IEnumerable<NitroCliPeer> Everywhere()
    {
        foreach (var path in Directory.GetFileSystemEntries(folder).Where(path => path.EndsWith(".sock", StringComparison.Ordinal)))
        {
            NitroCliPeer? peer = null;
            try
            {
                peer = new NitroCliPeer(path);
            }
            catch (SocketException)
            {
                File.Delete(path);
            }

            if (peer is not null)
            {
                yield return peer;
            }
        }
    }

    // Standard output up to the end of the connection; the status must be 0.
    static string Outputs(NitroCliPeer peer)
    {
        var output = new StringBuilder();
        int? status = null;
        while (peer.ReadItem() is { } item)
        {
            var text = Encoding.UTF8.GetString(item);
            if (item is [0xa1, 0x66, .., var code] && text.StartsWith("\ufffdfStatus", StringComparison.Ordinal))
            {
                status = code;
            }
            else if (text.Contains("StdOutMessage", StringComparison.Ordinal))
            {
                output.Append(NitroCliPeer.TextOf(item, "StdOutMessage"));
            }
        }

        Assert.Equal(0, status);
        return output.ToString();
    }
}
