using System.Text;

namespace NitroEnclaves.Images;

/// <summary>
/// The second ramdisk as nitro-cli has linuxkit make it from a <c>docker export</c> stream, byte for byte: entries in the stream's
/// order, hard links turned into symbolic ones, files that Docker mounts over replaced, folders it makes given a fixed time.
/// </summary>
public sealed class NitroCliApplicationRamdisk : EifSectionContent
{
    const string Prefix = "rootfs/";
    const string ResolvConf = "etc/resolv.conf";
    const string ResolvConfTarget = "/run/resolvconf/resolv.conf";
    const string Hosts = "etc/hosts";

    static readonly byte[] s_hosts = Encoding.ASCII.GetBytes("""
        127.0.0.1       localhost
        ::1     localhost ip6-localhost ip6-loopback
        fe00::0 ip6-localnet
        ff00::0 ip6-mcastprefix
        ff02::1 ip6-allnodes
        ff02::2 ip6-allrouters

        """.ReplaceLineEndings("\n"));

    static readonly HashSet<string> s_dropped = [".dockerenv", "Dockerfile", "dev/console", "dev/pts", "dev/shm", "etc/hostname"];

    static readonly HashSet<string> s_retimed = ["dev/", "dev/pts/", "dev/shm/", "etc/", "etc/mtab", "proc/", "sys/"];

    /// <summary>Made where the stream lacks them, in this order.</summary>
    static readonly string[] s_required = ["dev/", "dev/pts/", "dev/shm/", "etc/", Hosts, "etc/mtab", ResolvConf, "proc/", "sys/"];

    static readonly string[] s_mountPoints = ["rootfs", "rootfs/dev", "rootfs/run", "rootfs/sys", "rootfs/var", "rootfs/proc",
        "rootfs/tmp"];

    /// <summary>
    /// The file with the output of <c>docker export</c>: an uncompressed tar archive. Null to use <see cref="RootFileSystem"/>.
    /// </summary>
    public string? ExportPath { get; init; }

    /// <summary>
    /// The files of a container image, from which the entries that <c>docker export</c> would give are made up. Null to use
    /// <see cref="ExportPath"/>.
    /// </summary>
    public RootFileSystem? RootFileSystem { get; init; }

    /// <summary>What init shall start; working directory and user have no place in this layout.</summary>
    public required ProgramDescription Program { get; init; }

    /// <inheritdoc/>
    public override long ExpectedLength =>
        RootFileSystem?.ContentLength ?? (ExportPath is not null ? FromFile(ExportPath).ExpectedLength : 0);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">
    /// The program cannot be written down, or has a working directory or a user; or there are no files, or two sources of them.
    /// </exception>
    /// <exception cref="RootFileSystemException">The tar archive cannot be read.</exception>
    public override void WriteTo(Stream output, CancellationToken cancellationToken)
    {
        if (Program.WorkingDirectory is not null || Program.User is not null)
        {
            throw new ArgumentException("nitro-cli's layout has no place for a working directory or a user.");
        }

        if (ExportPath is null == RootFileSystem is null)
        {
            throw new ArgumentException("The files come either from an export or from a root file system.");
        }

        byte[] command = Program.EncodeCommand();
        byte[] environment = Program.EncodeEnvironment();
        var archive = new LinuxkitArchive(output);
        archive.AddDirectory("rootfs");
        using var export = ExportPath is null ? null : ByteSource.OpenFile(ExportPath);
        var required = new HashSet<string>(s_required);
        foreach (var entry in export is null ? DockerExport.Entries(RootFileSystem!) : ReadEntries(export))
        {
            if (!s_dropped.Contains(entry.Path))
            {
                required.Remove(entry.Path);
                AddEntry(archive, entry, cancellationToken);
            }
        }

        foreach (string path in s_required.Where(required.Contains))
        {
            AddRequired(archive, path);
        }

        foreach (string path in s_mountPoints)
        {
            archive.AddDirectory(path);
        }

        archive.Add("cmd", FileNodeType.RegularFile, FileModes.Plain, command);
        archive.Add("env", FileNodeType.RegularFile, FileModes.Plain, environment);
        archive.Finish();
    }

    static IEnumerable<TarEntry> ReadEntries(ByteSource export)
    {
        var reader = new TarReader(export);
        while (reader.Read() is { } entry)
        {
            yield return entry;
        }
    }

    static void AddEntry(LinuxkitArchive archive, TarEntry entry, CancellationToken cancellationToken)
    {
        var attributes = new CpioEntry
        {
            Name = Prefix + entry.Path,
            UserId = entry.UserId,
            GroupId = entry.GroupId,
            ModificationTime = entry.Path is Hosts or ResolvConf || s_retimed.Contains(entry.Path)
                ? LinuxkitArchive.DefaultTime
                : (uint)Math.Clamp(entry.ModificationTime, 0, uint.MaxValue),
            TargetDeviceMajor = entry.DeviceMajor,
            TargetDeviceMinor = entry.DeviceMinor,
        };
        switch (entry)
        {
            case { Path: ResolvConf }:
                archive.Add(attributes, FileNodeType.SymbolicLink, entry.Mode, Encoding.ASCII.GetBytes(ResolvConfTarget));
                break;
            case { Path: Hosts, Type: TarEntryType.RegularFile }:
                archive.Add(attributes, FileNodeType.RegularFile, entry.Mode, s_hosts);
                break;
            case { Type: TarEntryType.RegularFile }:
                archive.Add(attributes, entry.Mode, entry.Content, cancellationToken);
                break;
            case { Type: TarEntryType.SymbolicLink }:
                archive.Add(attributes, FileNodeType.SymbolicLink, entry.Mode, UnixPath.Encode(entry.LinkTarget));
                break;
            case { Type: TarEntryType.HardLink }:
                archive.Add(attributes, FileNodeType.SymbolicLink, entry.Mode, UnixPath.Encode(RelativeTarget(entry)));
                break;
            default:
                archive.Add(attributes, ToNodeType(entry.Type), entry.Mode, []);
                break;
        }
    }

    static void AddRequired(LinuxkitArchive archive, string path)
    {
        string name = Prefix + path.TrimEnd('/');
        switch (path)
        {
            case Hosts:
                archive.Add(name, FileNodeType.RegularFile, FileModes.Plain, s_hosts);
                break;
            case "etc/mtab":
                archive.Add(name, FileNodeType.SymbolicLink, FileModes.Executable, "/proc/mounts"u8);
                break;
            case ResolvConf:
                archive.Add(name, FileNodeType.SymbolicLink, FileModes.Plain, Encoding.ASCII.GetBytes(ResolvConfTarget));
                break;
            default:
                archive.AddDirectory(name);
                break;
        }
    }

    static FileNodeType ToNodeType(TarEntryType type) => type switch
    {
        TarEntryType.Directory => FileNodeType.Directory,
        TarEntryType.CharacterDevice => FileNodeType.CharacterDevice,
        TarEntryType.BlockDevice => FileNodeType.BlockDevice,
        _ => FileNodeType.Fifo,
    };

    /// <summary>A hard link's target seen from the link's folder.</summary>
    static string RelativeTarget(TarEntry entry)
    {
        string[] from = entry.Path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        string[] to = entry.LinkTarget.Split('/', StringSplitOptions.RemoveEmptyEntries);
        int common = 0;
        while (common < from.Length - 1 && common < to.Length && from[common] == to[common])
        {
            common++;
        }

        return string.Join('/', Enumerable.Repeat("..", from.Length - 1 - common).Concat(to.Skip(common)));
    }
}
