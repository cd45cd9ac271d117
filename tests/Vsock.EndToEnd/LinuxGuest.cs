using System.Diagnostics;
using System.Globalization;
using System.Text;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// A Linux guest under QEMU whose vsock device is ours, behind a router of ours. Its first process does what it is told over a control
/// connection (Guest/vsock-guest.c).
/// </summary>
sealed class LinuxGuest : IAsyncDisposable
{
    public const uint Cid = 16;
    const uint ControlPort = 9100;
    static readonly TimeSpan Patience = TimeSpan.FromMinutes(Environment.GetEnvironmentVariable("VSOCK_LONG") == "1" ? 30 : 2);

    readonly DirectoryInfo _folder;
    readonly EventLoop _loop;
    readonly VhostUserBackend? _backend;
    readonly VsockDeviceServer? _server;
    readonly VsockListener? _unixControl;
    readonly VsockPortListener _control;
    readonly StringBuilder _console = new();
    ChildProcess? _qemu;
    VsockConnection? _connection;
    StreamReader? _answers;

    LinuxGuest(DirectoryInfo folder, bool isAlone)
    {
        _folder = folder;
        _loop = EventLoop.Start("vsock");
        Router = new VsockRouter(_loop, new VsockRouterOptions { GuestCid = Cid, UnixPath = isAlone ? null : UnixPath });
        _control = Router.Listen(ControlPort);
        if (isAlone)
        {
            _server = VsockDeviceServer.Start([new VsockDeviceConfiguration { GuestCid = Cid, SocketPath = VhostUserPath, UnixPath = UnixPath }]);
            _unixControl = VsockListener.Listen(ControlPort, UnixOptions);
        }
        else
        {
            _backend = VhostUserBackend.Listen(_loop, Router.Device, VhostUserPath);
        }
    }

    /// <summary>How programs reach the guest, and it them, through its Unix socket.</summary>
    public VsockOptions UnixOptions => new() { Resolvers = [VsockResolver.Fixed(VsockAddress.Any, VsockRoute.UnixSocket(UnixPath))] };

    /// <summary>The guest's router, unless the device is served alone.</summary>
    public VsockRouter Router { get; }

    public string UnixPath => Path.Combine(_folder.FullName, "v");

    string VhostUserPath => Path.Combine(_folder.FullName, "vhost.sock");

    /// <summary>Boots a guest and waits for its first process.</summary>
    /// <param name="machine">QEMU's machine: microvm with virtio-mmio and rings of 1024, or q35 with PCI and rings of 128.</param>
    /// <param name="isAlone">Whether the device is served as by <c>nitro vsock-device</c>, with Unix sockets only.</param>
    /// <param name="equip">Adds programs to the guest.</param>
    public static async Task<LinuxGuest> BootAsync(string machine = "microvm", bool isAlone = false, Action<GuestRamdisk>? equip = null)
    {
        var kernel = Path.Combine(CacheFolder.Path, "kernel", "current");
        Assert.True(
            File.Exists(QemuInstallation.CachedPath) && File.Exists(Path.Combine(kernel, "bzImage")),
            "There is no QEMU or no kernel in the cache folder. Run eng/setup, which brings both.");
        var guest = new LinuxGuest(Directory.CreateTempSubdirectory("guest-"), isAlone);
        try
        {
            await guest.StartAsync(machine, kernel, equip);
            return guest;
        }
        catch
        {
            await guest.DisposeAsync();
            throw;
        }
    }

    /// <summary>Has the guest do something and returns its answer.</summary>
    public async Task<string> DoAsync(string command)
    {
        await _connection!.Stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\n"));
        return await ReadAnswerAsync();
    }

    /// <summary>Has the guest do something that is answered with "ok" and a number.</summary>
    public async Task<long> DoOkAsync(string command)
    {
        var answer = await DoAsync(command);
        Assert.True(answer.StartsWith("ok ", StringComparison.Ordinal), $"{command}: {answer}");
        return long.Parse(answer[3..], CultureInfo.InvariantCulture);
    }

    /// <summary>Runs a program in the guest, and returns what it printed, with bars for the ends of lines.</summary>
    public async Task<string> RunAsync(string commandLine) => Succeeded(commandLine, await DoAsync("run " + commandLine));

    /// <summary>Starts a program in the guest and returns its number.</summary>
    public async Task<long> StartProgramAsync(string commandLine) => await DoOkAsync("start " + commandLine);

    /// <summary>Waits for a program that was started; the answer is that of <see cref="RunAsync"/>.</summary>
    public async Task<string> FinishAsync(long program) => Succeeded($"The program {program}", await DoAsync($"finish {program}"));

    /// <summary>Connects to a program in the guest through its Unix socket; one that was only just started may not listen yet.</summary>
    public async Task<VsockConnection> ConnectAsync(uint port)
    {
        while (true)
        {
            try
            {
                return await new VsockConnector(UnixOptions).ConnectAsync(Cid, port, TestContext.Current.CancellationToken);
            }
            catch (VsockException exception) when (exception.Error is VsockError.ConnectionRefused)
            {
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }
        }
    }

    /// <summary>Has the machine start over, and waits for the first process of the new life.</summary>
    public async Task RebootAsync()
    {
        await _connection!.Stream.WriteAsync("reboot\n"u8.ToArray());
        await AcceptControlAsync();
    }

    /// <summary>Asks something of the device on its own thread.</summary>
    public async Task<T> AskAsync<T>(Func<VsockVirtioDevice, T> question)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.Post(() => answer.SetResult(question(Router.Device)));
        return await answer.Task.WaitAsync(Patience);
    }

    public async ValueTask DisposeAsync()
    {
        _connection?.Dispose();
        if (_qemu is not null)
        {
            await _qemu.EndAsync(TimeSpan.Zero);
        }

        Router.Dispose();
        _backend?.Dispose();
        _unixControl?.Dispose();
        _server?.Dispose();
        _loop.Dispose();
        _folder.Delete(recursive: true);
    }

    async Task StartAsync(string machine, string kernel, Action<GuestRamdisk>? equip)
    {
        var ramdisk = Path.Combine(_folder.FullName, "ramdisk");
        using (var writing = await GuestRamdisk.BeginAsync(ramdisk, kernel))
        {
            equip?.Invoke(writing);
        }

        var memory = equip is null ? "256M" : "1G";
        string[] device = machine == "microvm"
            ? ["-M", "microvm,acpi=on,rtc=on,memory-backend=mem", "-bios", "qboot.rom", "-device", "vhost-user-vsock-device,chardev=vsock"]
            : ["-M", $"{machine},memory-backend=mem", "-device", "vhost-user-vsock-pci,chardev=vsock"];
        // Not by Process: QEMU ends with the thread that started it, and those of the pool come and go.
        using var output = SocketPair.Create();
        _qemu = ChildProcess.Start(new ChildProcessStart
        {
            FileName = QemuInstallation.CachedPath,
            Output = output.Theirs,
            Arguments =
            [
                "-object", $"memory-backend-memfd,id=mem,size={memory},share=on", "-m", memory, "-smp", "1", "-accel", "tcg", "-cpu", "max",
                "-display", "none", "-nodefaults", "-no-user-config", "-run-with", "exit-with-parent=on", "-serial", "stdio",
                "-global", "virtio-mmio.force-legacy=false", "-chardev", $"socket,id=vsock,path={VhostUserPath}", .. device,
                "-kernel", Path.Combine(kernel, "bzImage"), "-initrd", ramdisk,
                "-append", $"console=ttyS0 quiet reboot=t panic=-1 tsc=reliable tsc_early_khz={TimeStampCounter.Kilohertz} cryptomgr.notests=1 no_timer_check random.trust_cpu=on",
            ],
        });
        _ = LogAsync(output.TakeStream());
        await AcceptControlAsync();
    }

    async Task AcceptControlAsync()
    {
        _connection?.Dispose();
        try
        {
            _connection = await NextConnectionAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"The guest does not come up. It said:\n{Said}");
        }

        _answers = new StreamReader(_connection!.Stream);
        Assert.Equal("ready", await ReadAnswerAsync());
    }

    async Task<VsockConnection> NextConnectionAsync() =>
        _unixControl is null ? await _control.AcceptAsync() : await _unixControl.AcceptAsync();

    async Task<string> ReadAnswerAsync() => await _answers!.ReadLineAsync().WaitAsync(Patience) ?? throw new IOException($"The guest has hung up. It said:\n{Said}");

    string Said
    {
        get
        {
            lock (_console)
            {
                return _console.ToString();
            }
        }
    }

    static string Succeeded(string what, string answer)
    {
        Assert.True(answer.StartsWith("exit 0 ", StringComparison.Ordinal), $"{what}: {answer}");
        return answer["exit 0 ".Length..];
    }

    async Task LogAsync(Stream output)
    {
        using var reader = new StreamReader(output);
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_console)
            {
                _console.AppendLine(line);
            }
        }
    }
}
