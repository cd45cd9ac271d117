using System.Diagnostics;
using System.Globalization;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>What only the process engine can do wrong: its interception under load, and what processes could leave behind.</summary>
public sealed class ProcessEngineTests
{
    const uint ParentPort = 7000;

    // A thousand on request: NITRO_STARTS=1000.
    const int Starts = 10;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 180_000)]
    public async Task Signals_threads_forks_and_epoll_break_nothing()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var image = await GuestImage.FromProgramAsync("storm");
        await using var listener = VsockListener.Listen(ParentPort, host.VsockOptions);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var serving = FourBytes.AnswerAsync(listener, done.Token);
        await using var enclave = await host.StartAsync(host.Options(image.Path) with { DebugMode = true });
        var console = await GuestConsole.FollowAsync(enclave.Client);
        var end = await enclave.WaitAsync(Cancellation);
        await done.CancelAsync();
        await serving;
        Assert.Equal(
            "signals: 10000 of 10000\ninterrupted: yes\nthreads: 2000 of 2000\nforks: 200 of 200\nepoll: 100 of 100\n", console);
        Assert.Equal((EnclaveEndKind.Exited, 0), (end.Kind, end.Status));
    }

    [Fact(Timeout = 180_000)]
    public async Task Detours_are_closed_and_waiting_calls_are_restarted()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var image = await GuestImage.FromProgramAsync("traps");
        await using var listener = VsockListener.Listen(ParentPort, host.VsockOptions);
        await using var enclave = await host.StartAsync(host.Options(image.Path) with { DebugMode = true });
        var console = GuestConsole.FollowAsync(enclave.Client);
        await using (var connection = await listener.AcceptAsync(Cancellation))
        {
            // Its end comes while the guest lives on: no copy of ours keeps the connection open.
            using var said = new MemoryStream();
            await connection.Stream.CopyToAsync(said, Cancellation);
            Assert.Equal("good bye"u8.ToArray(), said.ToArray());
        }

        for (var accepts = 1; accepts <= 2; accepts++)
        {
            await GuestConsole.WaitForAsync(enclave.Client, "handler ran", accepts);
            await (await host.ConnectAsync(enclave.Info, 5000)).DisposeAsync();
        }

        Assert.Equal(
            """
            sign-extended ioctl: success, a description
            socket by x32: ENOSYS
            a 32-bit call: ENOSYS
            io_uring_setup: ENOSYS
            refused without blocking: EINPROGRESS, epoll tells, SO_ERROR ECONNRESET, then 0
            listened: 2000 of 2000
            closed
            handler ran
            accepted by the first thread: CID 3
            handler ran
            accepted by another thread: CID 3

            """,
            await console);
        Assert.Equal(0, (await enclave.WaitAsync(Cancellation)).Status);
    }

    [Fact(Timeout = 180_000)]
    public async Task The_supervisor_is_killed_and_the_programs_are_gone()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var (variable, value) = host.Mark;
        var image = await GuestImage.FromProgramAsync("vsock", program => new ProgramDescription { Command = program.Command, Environment = [$"{variable}={value}"] });
        await using var enclave = await host.StartAsync(host.Options(image.Path));
        Assert.Contains(host.Processes(), process => process.CommandLine.StartsWith(GuestImage.ProgramPath, StringComparison.Ordinal));
        // Nobody else could go on answering calls, or leave them waiting, once the supervisor is gone: then they fail (FailClosedTests).
        Assert.Equal([enclave.Info.ProcessId], ListenersOfFilters(enclave.Info.ProcessId));
        using (var process = Process.GetProcessById(enclave.Info.ProcessId))
        {
            process.Kill();
        }

        Assert.Equal(EnclaveEndKind.EngineFailed, (await enclave.WaitAsync(Cancellation)).Kind);
        Assert.Empty(host.Registry.List());
        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 180_000)]
    public async Task A_program_that_is_not_in_the_image_is_named()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var image = await GuestImage.FromProgramAsync("vsock", _ => new ProgramDescription { Command = ["/bin/nothing"] });
        var exception = await Assert.ThrowsAsync<EnclaveException>(() => host.StartAsync(host.Options(image.Path)));
        Assert.Equal(EnclaveFailure.BootFailure, exception.Failure);
        Assert.StartsWith("The process engine cannot start /bin/nothing: No such file or directory", exception.Message, StringComparison.Ordinal);
        image = await GuestImage.FromProgramAsync("vsock", _ => new ProgramDescription { Command = ["nothing"], Environment = ["PATH=/opt"] });
        exception = await Assert.ThrowsAsync<EnclaveException>(() => host.StartAsync(host.Options(image.Path)));
        Assert.StartsWith(
            "The process engine cannot start nothing (looked for in /opt:/sbin:/usr/sbin:/bin:/usr/bin): No such file or directory", exception.Message, StringComparison.Ordinal);
        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 3_600_000)]
    public async Task Starts_leave_nothing_behind()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        var (variable, value) = host.Mark;
        var image = await GuestImage.FromProgramAsync("vsock", program => new ProgramDescription { Command = program.Command, Environment = [$"{variable}={value}"] });
        var starts = int.TryParse(Environment.GetEnvironmentVariable("NITRO_STARTS"), NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) ? wanted : Starts;
        for (var count = 0; count < starts; count++)
        {
            await using var enclave = await host.StartAsync(host.Options(image.Path));
            Assert.Equal(host.InstanceId, enclave.Info.EnclaveId[..host.InstanceId.Length]);
            await enclave.Client.TerminateAsync(Cancellation);
            Assert.Equal(EnclaveEndKind.Terminated, (await enclave.WaitAsync(Cancellation)).Kind);
        }

        await host.AssertNothingLeftAsync();
        Assert.DoesNotContain(host.InstanceId, await File.ReadAllTextAsync("/proc/net/unix", Cancellation), StringComparison.Ordinal);
        Assert.DoesNotContain(host.InstanceId, await File.ReadAllTextAsync("/proc/self/mountinfo", Cancellation), StringComparison.Ordinal);
        Assert.DoesNotContain(ControlGroups(), folder => folder.Contains(host.InstanceId, StringComparison.Ordinal));
    }

    // Who holds the listener of a filter: the supervisor, all its descendants, whoever they are.
    static IEnumerable<int> ListenersOfFilters(int supervisor) => Descendants(supervisor).Where(process => Directory.EnumerateFiles($"/proc/{process}/fd")
        .Any(descriptor => new FileInfo(descriptor).LinkTarget == "anon_inode:seccomp notify"));

    static IEnumerable<int> Descendants(int process) => Directory.EnumerateDirectories($"/proc/{process}/task")
        .SelectMany(task => File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Select(child => int.Parse(child, CultureInfo.InvariantCulture)).SelectMany(Descendants).Prepend(process);

    static IEnumerable<string> ControlGroups() => Directory.Exists("/sys/fs/cgroup")
        ? Directory.EnumerateDirectories("/sys/fs/cgroup", "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true })
        : [];
}
