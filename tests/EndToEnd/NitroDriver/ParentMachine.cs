using System.Globalization;
using System.Text;
using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// A Linux machine under QEMU that is to its programs what an EC2 instance with enclaves is: Debian's kernel with its own
/// <c>nitro_enclaves.ko</c>, our PCI device under it, and a vsock on which the machine is CID 3. Our command is in it, in its one-file form.
/// </summary>
sealed class ParentMachine : IAsyncDisposable
{
    /// <summary>The NUMA node that has memory and no CPUs.</summary>
    public const int FarNode = 1;

    const uint Cid = 3;
    const uint ControlPort = 9100;
    const uint Executable = 0x81ED;
    const uint Directory = 0x41ED;

    // For a machine that runs everything else at the same time.
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    readonly DirectoryInfo _folder = System.IO.Directory.CreateTempSubdirectory("nitro-parent-");
    readonly EventLoop _loop = EventLoop.Start("vsock");
    readonly StringBuilder _console = new();
    readonly AttestationAuthority _authority = AttestationAuthority.CreateEphemeral();
    readonly VsockRouter _router;
    readonly VsockPortListener _control;
    readonly VhostUserBackend _backend;
    readonly NitroEnclaveStarter _starter;
    readonly VfioUserServer _device;
    ChildProcess? _qemu;
    VsockConnection? _connection;

    ParentMachine()
    {
        _starter = new NitroEnclaveStarter(_folder.FullName, _authority, ConnectAsync);
        var memory = new GuestPhysicalMemory();
        Hypervisor = new NitroHypervisor(_starter, memory);
        _router = new VsockRouter(_loop, new VsockRouterOptions { GuestCid = Cid, ParentCid = VsockAddress.Host, PeerPath = Hypervisor.PathOf });
        _control = _router.Listen(ControlPort);
        _backend = VhostUserBackend.Listen(_loop, _router.Device, Path.Combine(_folder.FullName, "vsock.sock"));
        _device = VfioUserServer.Start(Path.Combine(_folder.FullName, "vfio.sock"), new NitroPciDevice(Hypervisor, memory));
    }

    public NitroHypervisor Hypervisor { get; }

    /// <summary>What the machine's kernel has said, and what went wrong in the devices.</summary>
    public string Log
    {
        get
        {
            lock (_console)
            {
                return string.Join('\n', [_console.ToString(), .. _device.Faults, .. _starter.Faults]);
            }
        }
    }

    /// <summary>Boots a machine with some files besides what it needs.</summary>
    /// <param name="files">Their paths in the machine, and here.</param>
    public static async Task<ParentMachine> BootAsync(params (string Path, string Source)[] files)
    {
        var machine = new ParentMachine();
        try
        {
            await machine.StartAsync(files);
            return machine;
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a program in the machine, to its end.</summary>
    public async Task<ToolResult> RunAsync(params string[] command)
    {
        var line = string.Join('\0', command);
        await _connection!.Stream.WriteAsync(Encoding.UTF8.GetBytes($"{line.Length:D8}{line}"));
        try
        {
            var status = int.Parse(await ReadFieldAsync(), CultureInfo.InvariantCulture);
            return new ToolResult(status, await ReadFieldAsync(), await ReadFieldAsync());
        }
        catch (Exception exception) when (exception is IOException or TimeoutException)
        {
            throw new IOException($"{string.Join(' ', command)}: {exception.Message} The machine said:\n{Log}", exception);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _connection?.Dispose();
        if (_qemu is not null)
        {
            await _qemu.EndAsync(TimeSpan.Zero);
        }

        await Hypervisor.DisposeAsync();
        _starter.Dispose();
        _device.Dispose();
        _router.Dispose();
        _backend.Dispose();
        _loop.Dispose();
        _authority.Dispose();
        _folder.Delete(recursive: true);
    }

    async Task<Stream> ConnectAsync(uint fromCid, uint port)
    {
        using var dial = new VsockDial(new VsockEndPoint(Cid, port));
        _loop.Post(() => dial.Start(_router.Device, fromCid));
        return (await dial.WaitAsync(CancellationToken.None)).Stream;
    }

    async Task StartAsync((string Path, string Source)[] files)
    {
        var ramdisk = Path.Combine(_folder.FullName, "ramdisk");
        await WriteRamdiskAsync(ramdisk, files);
        using var output = SocketPair.Create();
        _qemu = ChildProcess.Start(new ChildProcessStart
        {
            FileName = QemuInstallation.CachedPath,
            Arguments =
            [
                // Two NUMA nodes, one with all CPUs and one with none.
                "-M", "q35", "-m", "1664M",
                "-object", "memory-backend-memfd,id=near,size=1536M,share=on", "-numa", "node,nodeid=0,cpus=0-5,memdev=near",
                "-object", "memory-backend-memfd,id=far,size=128M,share=on", "-numa", $"node,nodeid={FarNode},memdev=far",
                // Three cores of two threads each: the driver takes whole cores only, and never the first.
                "-smp", "6,sockets=1,cores=3,threads=2", "-accel", "tcg", "-cpu", "max,vendor=GenuineIntel", "-display", "none", "-nodefaults",
                "-no-user-config", "-run-with", "exit-with-parent=on", "-serial", "stdio",
                "-chardev", $"socket,id=vsock,path={_folder.FullName}/vsock.sock", "-device", "vhost-user-vsock-pci,chardev=vsock",
                "-device", $$$"""{"driver":"vfio-user-pci","rombar":0,"socket":{"type":"unix","path":"{{{_folder.FullName}}}/vfio.sock"}}""",
                "-kernel", GuestParts.Kernel(KernelKind.Debian), "-initrd", ramdisk,
                "-append", $"console=ttyS0 loglevel=5 reboot=t panic=-1 tsc=reliable tsc_early_khz={TimeStampCounter.Kilohertz} cryptomgr.notests=1 no_timer_check random.trust_cpu=on",
            ],
            Output = output.Theirs,
        });
        _ = LogAsync(output.TakeStream());
        try
        {
            _connection = await _control.AcceptAsync().AsTask().WaitAsync(s_patience);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"The parent machine does not come up. It said:\n{Log}");
        }
    }

    async Task<string> ReadFieldAsync()
    {
        var length = new byte[8];
        await _connection!.Stream.ReadExactlyAsync(length).AsTask().WaitAsync(s_patience);
        var field = new byte[int.Parse(Encoding.ASCII.GetString(length), CultureInfo.InvariantCulture)];
        await _connection.Stream.ReadExactlyAsync(field).AsTask().WaitAsync(s_patience);
        return Encoding.UTF8.GetString(field);
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

    static async Task WriteRamdiskAsync(string path, (string Path, string Source)[] files)
    {
        var init = await GuestPrograms.CompileAsync("parent");
        await using var output = File.Create(path);
        var cpio = new CpioWriter(output);
        foreach (var folder in new[] { "dev", "proc", "sys", "tmp", "run", "modules", "bin", "etc", "etc/nitro_enclaves", "lib", "lib/x86_64-linux-gnu", "lib64" })
        {
            cpio.Write(new CpioEntry { Name = folder, Mode = Directory }, []);
        }

        var libraries = Checkout.RuntimeLibraries;
        var modules = GuestParts.ModuleFiles(KernelKind.Debian);
        var driver = Checkout.InCache("kernel", "current", "drivers", "nitro_enclaves.ko");
        Assert.True(File.Exists(driver), $"{driver} is missing: run eng/kernel, which brings Debian's kernel with it.");
        foreach (var (name, source) in (IEnumerable<(string, string)>)
        [
            ("init", init),
            .. modules.Select(module => ($"modules/{Path.GetFileName(module)}", module)),
            ("modules/99-nitro_enclaves.ko", driver),
            .. System.IO.Directory.GetFiles(libraries, "*", SearchOption.AllDirectories).Select(file => (Path.GetRelativePath(libraries, file), file)),
            .. files,
        ])
        {
            cpio.Write(new CpioEntry { Name = name, Mode = Executable }, await File.ReadAllBytesAsync(source));
        }

        cpio.Finish(new CpioEntry { Name = "" });
    }
}
