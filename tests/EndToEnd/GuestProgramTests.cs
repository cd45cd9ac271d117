using System.Text;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>What nitro-init gives a program, and what becomes of the program's end.</summary>
public sealed class GuestProgramTests
{
    const uint Port = 5000;

    [Theory(Timeout = 180_000)]
    [InlineData(KernelKind.Enclave)]
    [InlineData(KernelKind.Debian)]
    public async Task A_program_finds_what_its_image_says_and_its_exit_status_is_reported(KernelKind kernel)
    {
        await using var host = new EnclaveHost();
        var image = await GuestImage.FromProgramAsync("program", program => new ProgramDescription
        {
            Command = [.. program.Command, "first", "two words", "", "umlaut ä"],
            Environment = ["GREETING=Hello, enclave", "EMPTY=", "EQUATION=a=b"],
            WorkingDirectory = "/some/where",
        }, kernel);
        var (console, end) = await RunAsync(host, host.Options(image.Path), "exit 42");
        Assert.Equal((EnclaveEndKind.Exited, 42), (end.Kind, end.Status));
        Assert.Contains("exited with status 42", console, StringComparison.Ordinal);

        Assert.Equal([$"0: {GuestImage.ProgramPath}", "1: first", "2: two words", "3: ", "4: umlaut ä"], Lines(console, "argument "));
        Assert.Equal(["EMPTY=", "EQUATION=a=b", "GREETING=Hello, enclave"], Lines(console, "variable: ").Order(StringComparer.Ordinal));
        Assert.Equal(["/some/where"], Lines(console, "folder: "));
        Assert.Equal(["1 1, parent 1, user 0 0"], Lines(console, "leads: "));
        Assert.Equal(["022"], Lines(console, "umask: "));
        // 32 and 33 belong to the C library, whose posix_spawn leaves them ignored.
        Assert.Equal(["SigBlk:\t0000000000000000", "SigIgn:\t0000000180000000"], Lines(console, "signals: "));
        Assert.Equal(["init"], Lines(console, "process 1: "));
        Assert.Equal(["0: /dev/console", "1: /dev/console", "2: /dev/console"], Lines(console, "descriptor "));
        Assert.Equal(["bin", "dev", "proc", "run", "some", "sys", "tmp"], Lines(console, "root: ").Order(StringComparer.Ordinal));
        Assert.Equal(["up"], Lines(console, "loopback: "));
        Assert.Equal(["parent 1, collected"], Lines(console, "orphan: "));
        Assert.Equal(["1"], Lines(console, "processors: "));
        var mounted = Lines(console, "mount: ").Select(line => line.Split(' ')[1]).ToHashSet();
        Assert.Superset(new HashSet<string> { "/dev", "/proc", "/run", "/tmp", "/dev/shm", "/dev/pts", "/sys", "/sys/fs/cgroup" }, mounted);
        await host.AssertNothingLeftAsync();
    }

    [Theory(Timeout = 180_000)]
    [InlineData(KernelKind.Enclave)]
    [InlineData(KernelKind.Debian)]
    public async Task A_kernel_and_ramdisks_are_put_together_and_two_processors_are_two(KernelKind kernel)
    {
        await using var host = new EnclaveHost();
        var folder = Directory.CreateDirectory(Path.Combine(Checkout.Scratch, "images", $"parts-{kernel}")).FullName;
        var initrds = new[] { Path.Combine(folder, "init.cpio"), Path.Combine(folder, "program.cpio") };
        using var root = GuestImage.RootOf(await GuestPrograms.CompileAsync("program"));
        Write(initrds[0], new InitRamdisk { Init = FileContent.FromFile(Checkout.Init), Modules = GuestParts.Modules(kernel) });
        Write(initrds[1], new ApplicationRamdisk { RootFileSystem = root, Program = new ProgramDescription { Command = [GuestImage.ProgramPath] } });
        var options = host.Options("") with
        {
            EifPath = null,
            KernelPath = GuestParts.Kernel(kernel),
            InitrdPaths = initrds,
            CommandLine = EnclaveImageBuilder.DefaultCommandLine,
            CpuCount = 2,
        };

        // A program that a signal ends: the other way to end.
        var (console, end) = await RunAsync(host, options, "kill 15");
        Assert.Equal((EnclaveEndKind.Signaled, 15), (end.Kind, end.Status));
        Assert.Equal(["2"], Lines(console, "processors: "));
        Assert.Equal(["/"], Lines(console, "folder: "));
        Assert.Equal(["PATH=/sbin:/usr/sbin:/bin:/usr/bin"], Lines(console, "variable: "));
        await host.AssertNothingLeftAsync();
    }

    static async Task<(string Console, EnclaveEnd End)> RunAsync(EnclaveHost host, EnclaveOptions options, string order)
    {
        await using var enclave = await host.StartAsync(options with { DebugMode = true });
        var console = GuestConsole.FollowAsync(enclave.Client);
        await using var connection = await host.ConnectAsync(enclave.Info, Port);
        await connection.Stream.WriteAsync(Encoding.ASCII.GetBytes(order), TestContext.Current.CancellationToken);
        var end = await enclave.WaitAsync(TestContext.Current.CancellationToken);
        return (await console, end);
    }

    static void Write(string path, EifSectionContent content)
    {
        using var file = File.Create(path);
        content.WriteTo(file, CancellationToken.None);
    }

    static IEnumerable<string> Lines(string console, string label) =>
        console.Split('\n').Where(line => line.StartsWith(label, StringComparison.Ordinal)).Select(line => line[label.Length..]);
}
