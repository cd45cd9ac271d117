using System.Globalization;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Memory and processes of the process engine's enclaves, limited by control groups, which this user has to be allowed to make.</summary>
public sealed class ResourceLimitTests
{
    const ulong MemoryMiB = 64;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 180_000)]
    public async Task A_program_that_takes_more_than_the_enclaves_memory_is_killed_and_the_end_says_so()
    {
        Assert.Null(ResourceGroup.Lack());
        var (console, end) = await RunAsync("memory", "256");
        Assert.EndsWith("touched 48 MiB\n", console, StringComparison.Ordinal);
        Assert.Equal(
            (EnclaveEndKind.Signaled, 9, "Signal 9 ended the enclave's program. Its memory was full, and the kernel killed one of its processes."),
            (end.Kind, end.Status, end.Explanation));
    }

    [Fact(Timeout = 180_000)]
    public async Task A_program_within_the_enclaves_memory_is_left_alone()
    {
        var (console, end) = await RunAsync("memory", "48");
        Assert.EndsWith("touched 48 MiB\ngot all\n", console, StringComparison.Ordinal);
        Assert.Equal((0, "The enclave's program exited with status 0."), (end.Status, end.Explanation));
    }

    [Fact(Timeout = 180_000)]
    public async Task A_program_that_forks_for_ever_stops_at_the_limit()
    {
        Assert.Null(ResourceGroup.Lack());
        var most = (int)ResourceGroup.MostProcesses(MemoryMiB);
        var (console, end) = await RunAsync("processes", (2 * most).ToString(CultureInfo.InvariantCulture));
        // Process 1 and the program count as well.
        Assert.Equal($"forked {most - 2}, then Resource temporarily unavailable\n", console);
        Assert.Equal(1, end.Status);
    }

    [Fact(Timeout = 180_000)]
    public async Task A_program_that_enters_later_is_limited_with_the_others()
    {
        Assert.Null(ResourceGroup.Lack());
        await using var host = new EnclaveHost(EngineChoice.Process);
        var root = GuestImage.RootOf(await GuestPrograms.CompileAsync("obey"));
        root.Set("bin/limits", FileNode.RegularFile(FileContent.FromFile(await GuestPrograms.CompileAsync("limits")), UnixFileMode.UserExecute | UnixFileMode.UserRead));
        var image = GuestImage.Build("limited", root, new ProgramDescription { Command = [GuestImage.ProgramPath] });
        await using var enclave = await host.StartAsync(host.Options(image.Path) with { DebugMode = true, MemoryMiB = MemoryMiB });
        var entered = await Tool.TryRunAsync(Checkout.Command, ["exec", enclave.Info.EnclaveName, "--", "/bin/limits", "memory", "256"], host.Environment);
        Assert.Equal((128 + 9, ""), (entered.ExitCode, entered.Error));
        Assert.EndsWith("touched 48 MiB\n", entered.Output, StringComparison.Ordinal);

        // The enclave's own program, which has taken next to nothing, is still there.
        await using (var connection = await host.ConnectAsync(enclave.Info, 5000))
        {
            await connection.Stream.WriteAsync("exit 5"u8.ToArray(), Cancellation);
        }

        Assert.Equal(5, (await enclave.WaitAsync(Cancellation)).Status);
    }

    // The machine of the other tests here may have groups of either version; this one is a guest of the qemu engine with the command in it.
    [Fact(Timeout = 900_000)]
    public async Task Control_groups_of_version_2_that_were_handed_to_an_ordinary_user_limit_as_well()
    {
        await using var host = new EnclaveHost();
        using var root = RootFileSystem.FromFolder(await ForeignParts.BringAsync("python"));
        root.AddFolder("usr/lib", Path.Combine(Checkout.RuntimeLibraries, "lib"));
        Add("nitro", Checkout.BuiltCommand);
        Add("control-groups.py", Checkout.In("tests", "EndToEnd", "Guests", "control-groups.py"));
        Add("limits/bin/limits", await GuestPrograms.CompileAsync("limits"));
        var image = GuestImage.Build("machine", root, new ProgramDescription
        {
            Command = ["/usr/bin/python3", "-u", "/control-groups.py", "/nitro", "run-enclave", "--engine", "process", "--rootfs", "/limits", "--memory", "64",
                "--cpu-count", "1", "--attach-console", "--", "/bin/limits", "processes", "2000", "memory", "256"],
        });
        await using var machine = await host.StartAsync(host.Options(image.Path) with
        {
            MemoryMiB = 1024, DebugMode = true, AttachConsole = true, BootTimeout = TimeSpan.FromMinutes(10),
        });
        var console = await GuestConsole.FollowAsync(machine.Client);
        foreach (var line in (string[])[
            $"forked {ResourceGroup.MostProcesses(MemoryMiB) - 2}, then Resource temporarily unavailable",
            "touched 48 MiB",
            "Signal 9 ended the enclave's program. Its memory was full, and the kernel killed one of its processes.",
            "status: 0",
            "groups left: []"])
        {
            Assert.True(console.Contains($"\n{line}\n", StringComparison.Ordinal), $"'{line}' is not in:\n{console}");
        }

        Assert.DoesNotContain("not limited here", console, StringComparison.Ordinal);

        void Add(string path, string file) => root.Set(path, FileNode.RegularFile(FileContent.FromFile(file), (UnixFileMode)0x1ED));
    }

    static async Task<(string Console, EnclaveEnd End)> RunAsync(params string[] arguments)
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var image = await GuestImage.FromProgramAsync("limits", program => new ProgramDescription { Command = [.. program.Command, .. arguments] });
        await using var enclave = await host.StartAsync(host.Options(image.Path) with { MemoryMiB = MemoryMiB, DebugMode = true, AttachConsole = true });
        var console = await GuestConsole.FollowAsync(enclave.Client);
        var end = await enclave.WaitAsync(Cancellation);
        await host.AssertNothingLeftAsync();
        return (console, end);
    }
}
