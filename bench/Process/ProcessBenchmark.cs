using System.Diagnostics;
using System.Globalization;
using System.Text;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Process.Benchmarks;

/// <summary>
/// Runs one program in an enclave of the process engine and outside, and prints both beside each other and beside the limits (issue "process
/// engine", Speed). The clock is the same on both sides, as there is one kernel.
/// </summary>
sealed class ProcessBenchmark(string folder, string? command)
{
    const int StartCount = 15;
    const int CommandCount = 7;
    const int PaddingLength = 20 * 1000 * 1000;
    const ulong MemoryMiB = 256;
    const string Id = "i-00000000000000001-enc0000000000000001";

    public async Task RunAsync()
    {
        var guest = Path.Combine(folder, "guest");
        Run("gcc", "-O2", "-static", "-s", "-o", guest, Path.Combine(AppContext.BaseDirectory, "guest.c"));
        var full = BuildImage(guest, "full.eif", padding: 0, "/guest");
        var large = BuildImage(guest, "large.eif", PaddingLength, "/guest", "only-main");

        var spawn = new List<double>();
        for (var count = 0; count < StartCount; count++)
        {
            spawn.Add((await StartAsync(large)).MainAfter);
        }

        Row("start of the engine to main(), 20 MB image", Median(spawn), "ms", $"at most 12 (best: {spawn[0]:0.0})");
        if (command is not null)
        {
            var lingering = BuildImage(guest, "lingering.eif", PaddingLength, "/guest", "linger");
            var whole = new List<double>();
            for (var count = 0; count < CommandCount; count++)
            {
                whole.Add(StartCommand(lingering));
            }

            Row("command to main(), 20 MB image", Median(whole), "ms", $"at most 100 (best: {whole[0]:0.0})");
        }

        var inside = command is null ? (await StartAsync(full)).Values : await LaunchAsync(full);
        Dictionary<string, double> outside, filtered;
        using (new StreamSink(Path.Combine(folder, "plain")))
        {
            outside = Parse(Run(guest, Path.Combine(folder, "plain")));
            filtered = Parse(Run(guest, Path.Combine(folder, "plain"), "filter"));
        }

        Row("NSM request, p50", inside["nsm"] / 1000, "us", "at most 20");
        Row("NSM requests of 8 threads", inside["nsm-rate"], "/s", "at least 35000");
        Row("socket, connect, close", inside["connect"] / 1000, "us", "at most 80");
        Row("stream, as a part of a plain Unix socket's", inside["stream"] / outside["stream"], "", $"at least 0.8 (plain: {outside["stream"]:0} MB/s)");
        foreach (var call in (string[])["getppid", "read", "ioctl", "read-64k", "mmap-munmap"])
        {
            Row(
                $"{call}, as a multiple of unfiltered", inside[call] / outside[call], "",
                $"within noise (unfiltered: {outside[call]:0} ns; under the smallest filter there is: {filtered[call] / outside[call]:0.00})");
        }
    }

    async Task<(double MainAfter, Dictionary<string, double> Values)> StartAsync(string image)
    {
        var console = new StringBuilder();
        var vsock = Path.Combine(folder, "vsock");
        using var sink = new StreamSink($"{vsock}_7000");
        using var file = EifFile.Open(image);
        var launch = new EnclaveLaunch
        {
            Id = Id,
            Cid = 16,
            Image = file,
            MemoryMiB = MemoryMiB,
            VcpuCount = Environment.ProcessorCount,
            Nsm = new NsmModule(new NsmModuleOptions { ModuleId = Id, Signer = new NoSigner() }),
            VsockPath = vsock,
            ConsoleOutput = output => console.Append(Encoding.UTF8.GetString(output.Span)),
        };
        var start = Now();
        var enclave = await new ProcessEngine().StartAsync(launch);
        await enclave.Ended;
        await enclave.DisposeAsync();
        var values = Parse(console.ToString());
        return ((values["main"] - start) / 1e6, values);
    }

    // The same as the command's users have it: the enclave in a process of the command's own.
    async Task<Dictionary<string, double>> LaunchAsync(string image)
    {
        var options = new EnclaveOptions
        {
            EifPath = image, MemoryMiB = MemoryMiB, CpuCount = (uint)Environment.ProcessorCount, Engine = EngineChoice.Process, ModuleId = Id,
            DebugMode = true, AttachConsole = true, RegistryPath = Path.Combine(folder, "launched"), AuthorityPath = Path.Combine(folder, "authority"),
        };
        using var sink = new StreamSink($"{new EnclaveRegistry(options.RegistryPath).VsockPath(Id)}_7000");
        using var launcher = new EnclaveLauncher(command!, EnclaveProcess.Verb);
        await using var enclave = await launcher.StartAsync(options);
        using var console = new MemoryStream();
        await enclave.Client.CopyConsoleAsync(console, follow: true);
        return Parse(Encoding.UTF8.GetString(console.ToArray()));
    }

    double StartCommand(string image)
    {
        var environment = new Dictionary<string, string> { ["NITRO_CLI_SOCKETS_PATH"] = Path.Combine(folder, "run"), ["XDG_DATA_HOME"] = Path.Combine(folder, "data"), ["HOME"] = folder };
        Directory.CreateDirectory(environment["NITRO_CLI_SOCKETS_PATH"]);
        var start = Now();
        // The console, shown to the program's end, tells when it began.
        var output = Run(
            command!, environment, "run-enclave", "--engine", "process", "--eif-path", image, "--memory", $"{MemoryMiB}", "--cpu-count", "1", "--attach-console");
        return (Parse(output)["main"] - start) / 1e6;
    }

    string BuildImage(string guest, string name, int padding, params string[] arguments)
    {
        using var root = new RootFileSystem();
        root.Set("guest", FileNode.RegularFile(FileContent.FromFile(guest), UnixFileMode.UserRead | UnixFileMode.UserExecute));
        if (padding > 0)
        {
            root.Set("padding", FileNode.RegularFile(FileContent.FromMemory(new byte[padding])));
        }

        var path = Path.Combine(folder, name);
        // The engine looks at the application's ramdisk alone: kernel and init are words.
        new EifBuilder
        {
            Kernel = EifSectionContent.FromMemory("kernel"u8.ToArray()),
            CommandLine = "",
            Ramdisks = [EifSectionContent.FromMemory(Array.Empty<byte>()), new ApplicationRamdisk { RootFileSystem = root, Program = new ProgramDescription { Command = arguments } }],
            Metadata = new EifMetadata
            {
                ImageName = name, ImageVersion = "1", BuildTime = EifMetadata.FormatBuildTime(DateTimeOffset.UnixEpoch), BuildTool = "bench", BuildToolVersion = "1",
                OperatingSystem = "Linux", KernelVersion = "0",
            },
        }.Build(path);
        return path;
    }

    static Dictionary<string, double> Parse(string output) => output.Split('\n').Select(line => line.TrimEnd('\r').Split(' '))
        .Where(fields => fields.Length == 2 && double.TryParse(fields[1], CultureInfo.InvariantCulture, out _))
        .GroupBy(fields => fields[0]).ToDictionary(group => group.Key, group => double.Parse(group.First()[1], CultureInfo.InvariantCulture));

    static string Run(string program, params string[] arguments) => Run(program, [], arguments);

    static string Run(string program, Dictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = System.Diagnostics.Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} failed: {error.Result}");
    }

    static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }

    static double Now() => Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency);

    static void Row(string what, double value, string unit, string limit) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-48} {value,10:0.00} {unit,-4} {limit}"));

    sealed class NoSigner : IDocumentSigner
    {
        public byte[] Sign(AttestationDocumentContent content) => throw new NotSupportedException("This program asks for no document.");
    }
}
