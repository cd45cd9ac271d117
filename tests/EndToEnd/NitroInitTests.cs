using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>What nitro-init does with an image, seen from the image's program and from the parent.</summary>
public sealed class NitroInitTests
{
    [Theory]
    [InlineData(KernelKind.Enclave)]
    [InlineData(KernelKind.Debian)]
    public async Task A_program_finds_what_Linux_programs_expect_and_its_status_reaches_the_parent(KernelKind kernel)
    {
        await using var guest = await Guest.StartAsync(Image(
            kernel,
            new ProgramDescription { Command = ["probe", "exit", "7"], Environment = ["GREETING=two words", "EMPTY="] }));
        await guest.AnswerReadyByteAsync();

        Assert.Equal([0xEE, 0, 7, 0, 0, 0], await guest.TakeEndReportAsync());
        Assert.Contains("nitro-init: the program exited with status 7", guest.Console, StringComparison.Ordinal);
        Assert.Equal(["probe", "exit", "7"], guest.Lines("argument"));
        Assert.Equal(["GREETING=two words", "EMPTY="], guest.Lines("variable"));
        Assert.Equal(["0 group 0 groups"], guest.Lines("user"));
        Assert.Equal(["/"], guest.Lines("folder"));
        Assert.Equal(["leader yes"], guest.Lines("session"));
        Assert.Equal(["1"], guest.Lines("parent"));
        Assert.Equal(["up connects"], guest.Lines("loopback"));
        // Standard input, output and error; nothing of init's.
        Assert.Equal(["3"], guest.Lines("descriptors"));
        Assert.Equal(["nsm-hwrng"], guest.Lines("random"));
        Assert.Equal(["SigBlk:\t0000000000000000"], guest.Lines("signals"));
        Assert.Equal(
            ["/dev/nsm 666", "/dev/vsock 600", "/dev/null 666", "/dev/ptmx 666", "/dev/fd/1 600", "/dev/shm 1777", "/run 755", "/tmp 1777",
                "/cmd absent", "/init absent", "/modules absent"],
            guest.Lines("file"));
        Assert.Equal(
            ["/ rootfs", "/dev devtmpfs", "/proc proc", "/run tmpfs", "/tmp tmpfs", "/dev/shm tmpfs", "/dev/pts devpts", "/sys sysfs", "/sys/fs/cgroup cgroup2"],
            guest.Lines("mount").Select(line => string.Join(' ', line.Split(' ')[1..3])));
    }

    [Fact]
    public async Task User_and_folder_are_the_image_s_and_orphans_are_collected()
    {
        await using var guest = await Guest.StartAsync(Image(
            KernelKind.Enclave,
            new ProgramDescription { Command = ["/bin/probe", "orphans"], WorkingDirectory = "/home/app", User = "app" },
            root =>
            {
                root.Set("home/app", FileNode.Directory());
                root.Set("etc/passwd", FileNode.RegularFile(FileContent.FromMemory("app:x:1654:1655::/home/app:\n"u8.ToArray())));
                root.Set("etc/group", FileNode.RegularFile(FileContent.FromMemory("audio:x:29:app\n"u8.ToArray())));
            }));
        await guest.AnswerReadyByteAsync();

        Assert.Equal([0xEE, 0, 0, 0, 0, 0], await guest.TakeEndReportAsync());
        Assert.Equal(["1654 group 1655 groups 29"], guest.Lines("user"));
        Assert.Equal(["/home/app"], guest.Lines("folder"));
        Assert.Equal(["PATH=/sbin:/usr/sbin:/bin:/usr/bin"], guest.Lines("variable"));
        Assert.Equal(["0"], guest.Lines("zombies"));
    }

    [Theory]
    [InlineData("signal 9", 9)]
    [InlineData("terminate-init", 15)]
    public async Task The_signal_that_ends_the_program_reaches_the_parent(string command, byte signal)
    {
        await using var guest = await Guest.StartAsync(Image(
            KernelKind.Enclave, new ProgramDescription { Command = ["/bin/probe", .. command.Split(' ')] }));
        await guest.AnswerReadyByteAsync();

        Assert.Equal([0xEE, 1, signal, 0, 0, 0], await guest.TakeEndReportAsync());
        await guest.WaitForEndAsync();
    }

    [Fact]
    public async Task A_program_that_cannot_be_started_is_named()
    {
        await using var guest = await Guest.StartAsync(Image(KernelKind.Enclave, new ProgramDescription { Command = ["/bin/absent"] }));
        await guest.AnswerReadyByteAsync();

        Assert.Equal([0xEE, 0, 127, 0, 0, 0], await guest.TakeEndReportAsync());
        Assert.Contains("nitro-init: cannot start /bin/absent: No such file or directory (error 2)", guest.Console, StringComparison.Ordinal);
    }

    const UnixFileMode Executable = (UnixFileMode)0x1ED; // 0755

    static EifBuilder Image(KernelKind kernel, ProgramDescription program, Action<RootFileSystem>? addTo = null)
    {
        var root = new RootFileSystem();
        root.Set("bin", FileNode.Directory());
        root.Set("etc", FileNode.Directory());
        root.Set("home", FileNode.Directory());
        root.Set("bin/probe", FileNode.RegularFile(FileContent.FromFile(GuestParts.Compile("probe")), Executable));
        addTo?.Invoke(root);
        return new EifBuilder
        {
            Kernel = EifSectionContent.FromFile(GuestParts.Kernel(kernel)),
            CommandLine = EnclaveImageBuilder.DefaultCommandLine,
            Ramdisks =
            [
                new InitRamdisk { Init = FileContent.FromFile(GuestParts.NitroInit), Modules = GuestParts.Modules(kernel) },
                new ApplicationRamdisk { RootFileSystem = root, Program = program },
            ],
            Metadata = Guest.Metadata,
        };
    }
}
