using System.Formats.Tar;
using System.Globalization;
using System.Text;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>What a booted Linux finds is what went into the image: path, type, mode, owner, names, device, size and content of every file.</summary>
public sealed class RootFileSystemTests
{
    static readonly string[] s_mountedOver = ["dev", "proc", "run", "sys", "tmp"];

    [Fact]
    public async Task A_booted_enclave_lists_the_files_that_went_in()
    {
        const KernelKind kernel = KernelKind.Enclave;
        var archive = Path.Combine(Directory.CreateDirectory(Path.Combine(Checkout.Scratch, "files")).FullName, "root.tar");
        WriteArchive(archive, GuestParts.Compile("files"));
        using var root = RootFileSystem.FromTar(archive, TestContext.Current.CancellationToken);
        await using var guest = await Guest.StartAsync(new EifBuilder
        {
            Kernel = EifSectionContent.FromFile(GuestParts.Kernel(kernel)),
            CommandLine = EnclaveImageBuilder.DefaultCommandLine,
            Ramdisks =
            [
                new InitRamdisk { Init = FileContent.FromFile(GuestParts.NitroInit), Modules = GuestParts.Modules(kernel) },
                new ApplicationRamdisk { RootFileSystem = root, Program = new ProgramDescription { Command = ["/bin/files"] } },
            ],
            Metadata = Guest.Metadata,
        });
        await guest.AnswerReadyByteAsync();
        Assert.Equal([0xEE, 0, 0, 0, 0, 0], await guest.TakeEndReportAsync());

        Assert.Contains("entries listed", guest.Console, StringComparison.Ordinal);
        Assert.Equal(Describe(root).Order(StringComparer.Ordinal), guest.Lines("entry").Select(line => line.TrimEnd()).Order(StringComparer.Ordinal));
    }

    // Everything that ramdisks can hold, from an archive in which tar itself wrote it down.
    static void WriteArchive(string path, string program)
    {
        using var writer = new TarWriter(File.Create(path), TarEntryFormat.Pax);
        Add(TarEntryType.Directory, "bin", mode: 0x1ED);
        Add(TarEntryType.RegularFile, "bin/files", File.ReadAllBytes(program), mode: 0x1ED);
        Add(TarEntryType.RegularFile, "bin/su", "set-user-id"u8.ToArray(), mode: 0x9ED);
        Add(TarEntryType.HardLink, "bin/again", link: "bin/su");
        Add(TarEntryType.Directory, "var/mail", mode: 0x5FD, owner: 8);
        Add(TarEntryType.RegularFile, "var/mail/empty", [], mode: 0, owner: 65534);
        Add(TarEntryType.RegularFile, "var/large", [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7))], mode: 0x1A4, owner: 1000);
        Add(TarEntryType.SymbolicLink, "lib", link: "usr/lib/ü with space");
        Add(TarEntryType.Fifo, "var/pipe", mode: 0x1B6, owner: 33);
        Add(TarEntryType.CharacterDevice, "var/null", mode: 0x1B6, device: (1, 3));
        Add(TarEntryType.BlockDevice, "var/loop", mode: 0x1B0, device: (7, 300));
        Add(TarEntryType.RegularFile, "日本/" + new string('n', 200) + "/" + new string('m', 200), "long"u8.ToArray(), mode: 0x124);

        void Add(TarEntryType type, string name, byte[]? content = null, int mode = 0x1FF, int owner = 0, string? link = null, (int Major, int Minor) device = default)
        {
            var entry = new PaxTarEntry(type, name) { Mode = (UnixFileMode)mode, Uid = owner, Gid = owner, ModificationTime = DateTimeOffset.UnixEpoch };
            if (link is not null)
            {
                entry.LinkName = link;
            }

            if (type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice)
            {
                (entry.DeviceMajor, entry.DeviceMinor) = device;
            }

            if (content is not null)
            {
                entry.DataStream = new MemoryStream(content);
            }

            writer.WriteEntry(entry);
        }
    }

    static IEnumerable<string> Describe(RootFileSystem root)
    {
        var names = root.Files.GroupBy(file => file.Node, ReferenceEqualityComparer.Instance).ToDictionary(group => group.Key!, group => group.Count(), ReferenceEqualityComparer.Instance);
        foreach (var (path, node) in root.Files)
        {
            if (!s_mountedOver.Contains(path.Split('/')[0]))
            {
                var mode = Convert.ToString((int)node.Type | (int)node.Mode, 8);
                var links = node.Type == FileNodeType.Directory ? 0 : names[node];
                var hash = node.Type == FileNodeType.RegularFile ? Hash(node.Content) : 0;
                yield return string.Create(CultureInfo.InvariantCulture,
                    $"{Escape("/" + path)} {mode} {node.UserId}:{node.GroupId} {links} {node.DeviceMajor}:{node.DeviceMinor} {node.Content.Length} {hash:x16} {Escape(node.LinkTarget ?? "")}").TrimEnd();
            }
        }
    }

    static ulong Hash(FileContent content)
    {
        var hash = 0xCBF29CE484222325;
        using var stream = content.OpenRead();
        for (int value; (value = stream.ReadByte()) >= 0;)
        {
            hash = (hash ^ (byte)value) * 0x100000001B3;
        }

        return hash;
    }

    static string Escape(string name) => string.Concat(Encoding.UTF8.GetBytes(name).Select(value =>
        value is > (byte)' ' and < 0x7F and not (byte)'%' ? ((char)value).ToString() : "%" + value.ToString("x2", CultureInfo.InvariantCulture)));
}
