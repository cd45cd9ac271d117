using System.Text.Json;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary><c>nitro exec</c>: a program beside the enclave's own, on the caller's terminal.</summary>
public sealed class ExecTests
{
    const string Python = "/usr/bin/python3";

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 180_000)]
    public async Task A_program_looks_around_inside_and_its_exit_status_is_passed_on()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        await using var enclave = await StartAsync(host, debugMode: true);
        var looked = await ExecAsync(
            host, enclave, "import os, sys; print(os.getcwd(), os.getuid(), os.environ['GREETING'], sorted(l for l in os.listdir('/proc') if l.isdigit())[:2]); sys.exit(7)");
        Assert.Equal(("/tmp 33 hello ['1', '2']\n", 7), (looked.Output, looked.ExitCode));

        // Its vsock and NSM are the enclave's.
        Assert.Equal($"own CID: {enclave.Info.EnclaveCid}\n", (await ExecAsync(host, enclave, null, "/vsock.py", "id")).Output);
        Assert.StartsWith($"module: {enclave.Info.EnclaveId}, ", (await ExecAsync(host, enclave, null, "/nsm.py")).Output, StringComparison.Ordinal);

        Assert.Equal(128 + 15, (await ExecAsync(host, enclave, "import os; os.kill(os.getpid(), 15)")).ExitCode);
        var missing = await RunAsync(host, enclave, "/nothing");
        Assert.Contains("cannot start /nothing: No such file or directory", missing.Error, StringComparison.Ordinal);
        Assert.NotEqual(0, missing.ExitCode);
        await enclave.Client.TerminateAsync(Cancellation);
        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 180_000)]
    public async Task A_terminal_is_the_programs_and_its_interrupt_too()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        await using var enclave = await StartAsync(host, debugMode: true);
        var command = JsonSerializer.Serialize<string[]>([Checkout.Command, "exec", enclave.Info.EnclaveName, "--", Python, "-c",
            "import sys, time\ntry:\n    print(sys.stdin.isatty(), open('/dev/tty').isatty(), flush=True)\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('interrupted')\n    sys.exit(9)"]);
        // A terminal of its own, on which Ctrl-C is typed once the program runs.
        var result = await Tool.TryRunAsync(
            "python3",
            ["-c", $"import os, pty, sys\npid, terminal = pty.fork()\nif pid == 0:\n    os.execv('{Checkout.Command}', {command})\nout = b''\nwhile b'True True' not in out: out += os.read(terminal, 1000)\n" +
                "os.write(terminal, b'\\x03')\ntry:\n    while part := os.read(terminal, 1000): out += part\nexcept OSError: pass\n" +
                "print(out.decode().replace('\\r', '').replace('^C', ''), end='')\nsys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"],
            host.Environment);
        Assert.Equal(("True True\ninterrupted\n", 9), (result.Output, result.ExitCode));
    }

    [Fact(Timeout = 180_000)]
    public async Task It_ends_with_the_enclave()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        await using var enclave = await StartAsync(host, debugMode: true);
        var running = ExecAsync(host, enclave, "open('/tmp/there', 'w').close(); import time; time.sleep(600)");
        while ((await ExecAsync(host, enclave, "import os; print(os.path.exists('/tmp/there'))")).Output != "True\n")
        {
            await Task.Delay(50, Cancellation);
        }

        await enclave.Client.TerminateAsync(Cancellation);
        Assert.Equal(128 + 9, (await running).ExitCode);
        await host.AssertNothingLeftAsync();
    }

    [Fact(Timeout = 180_000)]
    public async Task Root_inside_changes_nothing_of_the_machines_devices_and_settings()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        await using var enclave = await StartAsync(host, debugMode: true, user: null);
        // Each asks for what is there already, so that a failure of this test harms nobody.
        foreach (var change in (string[])[
            "os.chmod('/dev/null', 0o666)", "os.chown('/dev/urandom', 0, 0)",
            "open('/proc/sys/kernel/panic', 'r+').close()", "os.chmod('/sys/kernel', 0o755)"])
        {
            var result = await ExecAsync(host, enclave, $"import os\ntry:\n    {change}\nexcept OSError as error:\n    print(error.strerror)");
            Assert.Equal((change, "Read-only file system\n"), (change, result.Output));
        }

        // These are the enclave's own.
        Assert.Equal("0o100600\n", (await ExecAsync(host, enclave, "import os; os.chmod('/dev/nsm', 0o600); print(oct(os.stat('/dev/nsm').st_mode))")).Output);
        Assert.Equal("4\n", (await ExecAsync(host, enclave, "print(open('/dev/null', 'w').write('gone'))")).Output);
    }

    [Fact(Timeout = 180_000)]
    public async Task Without_debug_mode_nobody_looks_inside()
    {
        await using var host = new EnclaveHost(EngineChoice.Process);
        await using var enclave = await StartAsync(host, debugMode: false);
        var result = await ExecAsync(host, enclave, "print('inside')");
        Assert.Contains("Only enclaves of the process engine in debug mode can be entered.", result.Error, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
        Assert.NotEqual(0, result.ExitCode);
    }

    static async Task<LaunchedEnclave> StartAsync(EnclaveHost host, bool debugMode, string? user = "33:33")
    {
        var program = new ProgramDescription
        {
            Command = [Python, "/vsock.py", "echo", "5000", "1"], Environment = ["GREETING=hello", "PATH=/usr/bin"], WorkingDirectory = "/tmp", User = user,
        };
        var image = GuestImage.Build("looked-into", await ForeignParts.RootForAsync(Python), program);
        return await host.StartAsync(host.Options(image.Path) with { DebugMode = debugMode, MemoryMiB = 512 });
    }

    static Task<ToolResult> ExecAsync(EnclaveHost host, LaunchedEnclave enclave, string? code, params string[] arguments) =>
        RunAsync(host, enclave, ["python3", .. code is null ? arguments : ["-c", code]]);

    static Task<ToolResult> RunAsync(EnclaveHost host, LaunchedEnclave enclave, params string[] command) =>
        Tool.TryRunAsync(Checkout.Command, ["exec", enclave.Info.EnclaveName, "--", .. command], host.Environment);
}
