using System.Formats.Tar;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// Lists of files in the words of Guests/list.c: path, type, mode, owner, links, size, hash of each, and which are the same file. One
/// comes from a booted enclave, the other from the tar archive that its image was made of, by a reader that is not ours.
/// </summary>
static class FileListing
{
    const uint Port = 5001;
    const string EmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// <summary>What the guest lists.</summary>
    public static async Task<string[]> ReadAsync(EnclaveHost host, EnclaveRunInfo enclave)
    {
        await using var connection = await host.ConnectAsync(enclave, Port);
        using var reader = new StreamReader(connection.Stream, Encoding.ASCII);
        var lines = (await reader.ReadToEndAsync(TestContext.Current.CancellationToken)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("end", lines[^1]);
        return lines[..^1];
    }

    /// <summary>What an archive's files come to, together with files that were added to them.</summary>
    /// <param name="archive">The archive.</param>
    /// <param name="added">Paths, a character for each byte, and the other fields (<see cref="Fields"/>) of what is not in the archive.</param>
    public static async Task<string[]> OfTarAsync(string archive, params (string Path, string Fields)[] added)
    {
        var files = added.ToDictionary(file => file.Path, file => new Listed(file.Fields), StringComparer.Ordinal);
        await using var reader = new TarReader(File.OpenRead(archive));
        while (await reader.GetNextEntryAsync(cancellationToken: TestContext.Current.CancellationToken) is { } entry)
        {
            var path = Latin(entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name).TrimEnd('/');
            files[path] = entry.EntryType == TarEntryType.HardLink
                ? files[Latin(entry.LinkName.StartsWith("./", StringComparison.Ordinal) ? entry.LinkName[2..] : entry.LinkName)]
                : new Listed(await FieldsAsync(entry));
        }

        var links = files.Values.GroupBy(file => file).ToDictionary(group => group.Key, group => group.Count());
        // "/" sorts before every other byte: a folder's files follow it at once.
        var sorted = files.OrderBy(file => file.Key.Replace('/', '\0'), StringComparer.Ordinal).ToArray();
        var first = new Dictionary<Listed, int>();
        return
        [
            .. sorted.Select((file, number) =>
            {
                var (path, listed) = file;
                var count = links[listed];
                var name = count < 2 ? "-" : (first.TryGetValue(listed, out var earlier) ? earlier : first[listed] = number).ToString(CultureInfo.InvariantCulture);
                return $"\"{Convert.ToHexStringLower(Encoding.Latin1.GetBytes(path))}\" {listed.Fields.Replace("LINKS", $"{count}", StringComparison.Ordinal)} {name}";
            }),
        ];
    }

    /// <summary>The fields between path and number of a file with one name.</summary>
    public static string Fields(char type, string mode, byte[] content) =>
        type == 'd' ? $"d {mode} 0 0 0 0 {EmptyHash}" : $"{type} {mode} 0 0 LINKS {content.Length} {Convert.ToHexStringLower(SHA256.HashData(content))}";

    static async Task<string> FieldsAsync(TarEntry entry)
    {
        var owner = $"{Convert.ToString((int)entry.Mode & 0xFFF, 8)} {(uint)entry.Uid} {(uint)entry.Gid}";
        switch (entry)
        {
            case { EntryType: TarEntryType.Directory }:
                return $"d {owner} 0 0 {EmptyHash}";
            case { EntryType: TarEntryType.SymbolicLink }:
                var target = Encoding.UTF8.GetBytes(entry.LinkName);
                return $"l 777 {(uint)entry.Uid} {(uint)entry.Gid} LINKS {target.Length} {Convert.ToHexStringLower(SHA256.HashData(target))}";
            case PosixTarEntry { EntryType: TarEntryType.CharacterDevice or TarEntryType.BlockDevice } device:
                return $"{(entry.EntryType == TarEntryType.BlockDevice ? 'b' : 'c')} {owner} LINKS {device.DeviceMajor}:{device.DeviceMinor} {EmptyHash}";
            case { EntryType: TarEntryType.Fifo }:
                return $"p {owner} LINKS 0 {EmptyHash}";
            default:
                var hash = entry.DataStream is null
                    ? EmptyHash
                    : Convert.ToHexStringLower(await SHA256.HashDataAsync(entry.DataStream, TestContext.Current.CancellationToken));
                return $"- {owner} LINKS {entry.Length} {hash}";
        }
    }

    // A name's bytes, one character each.
    static string Latin(string name) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(name));

    // A file, whatever its names are.
    sealed class Listed(string fields)
    {
        public string Fields => fields;
    }
}
