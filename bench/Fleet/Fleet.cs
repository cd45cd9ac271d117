using System.Diagnostics;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.Fleet.Benchmarks;

/// <summary>Enclaves of the process engine in a registry of their own, and the command as others run it there.</summary>
sealed class Fleet : IAsyncDisposable
{
    // As many as a machine of two processors can start beside each other without each becoming slow.
    const int StartsAtOnce = 4;
    const ulong MemoryMiB = 64;

    readonly string _folder;
    readonly string _command;
    readonly string _image;
    readonly List<LaunchedEnclave> _enclaves = [];

    public Fleet(string folder, string command)
    {
        (_folder, _command) = (folder, command);
        Registry = new EnclaveRegistry(Path.Combine(folder, "run"));
        _image = BuildImage();
    }

    public EnclaveRegistry Registry { get; }

    public IReadOnlyList<LaunchedEnclave> Enclaves => _enclaves;

    /// <summary>Starts so many more.</summary>
    public Task StartAsync(int count) => Parallel.ForEachAsync(
        Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = StartsAtOnce }, async (_, cancellationToken) =>
        {
            using var launcher = new EnclaveLauncher(_command, EnclaveProcess.Verb);
            var enclave = await launcher.StartAsync(
                new EnclaveOptions
                {
                    EifPath = _image, MemoryMiB = MemoryMiB, CpuCount = 1, Engine = EngineChoice.Process, RegistryPath = Registry.FolderPath,
                    AuthorityPath = Path.Combine(_folder, "authority"), EndWithLauncher = true,
                },
                cancellationToken: cancellationToken);
            lock (_enclaves)
            {
                _enclaves.Add(enclave);
            }
        });

    /// <summary>Runs the command to its end.</summary>
    public async Task<CommandRun> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(_command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["NITRO_CLI_SOCKETS_PATH"] = Registry.FolderPath;
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        var since = Stopwatch.GetTimestamp();
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new CommandRun(process.ExitCode, (await error).Trim(), Stopwatch.GetElapsedTime(since));
    }

    /// <summary>Sends the process of an enclave a signal.</summary>
    public static void Signal(LaunchedEnclave enclave, string signal)
    {
        using var kill = Process.Start("/bin/kill", [$"-{signal}", $"{enclave.Info.ProcessId}"]);
        kill.WaitForExit();
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(_enclaves.Select(enclave => enclave.DisposeAsync().AsTask()));

    string BuildImage()
    {
        var guest = Path.Combine(_folder, "guest");
        using (var gcc = Process.Start("gcc", ["-O2", "-static", "-s", "-o", guest, Path.Combine(AppContext.BaseDirectory, "guest.c")]))
        {
            gcc.WaitForExit();
        }

        using var root = new RootFileSystem();
        root.Set("guest", FileNode.RegularFile(FileContent.FromFile(guest), UnixFileMode.UserRead | UnixFileMode.UserExecute));
        var path = Path.Combine(_folder, "fleet.eif");
        // The engine looks at the application's ramdisk alone: kernel and init are words.
        new EifBuilder
        {
            Kernel = EifSectionContent.FromMemory("kernel"u8.ToArray()),
            CommandLine = "",
            Ramdisks = [EifSectionContent.FromMemory(Array.Empty<byte>()), new ApplicationRamdisk { RootFileSystem = root, Program = new ProgramDescription { Command = ["/guest"] } }],
            Metadata = new EifMetadata
            {
                ImageName = "fleet", ImageVersion = "1", BuildTime = EifMetadata.FormatBuildTime(DateTimeOffset.UnixEpoch), BuildTool = "bench", BuildToolVersion = "1",
                OperatingSystem = "Linux", KernelVersion = "0",
            },
        }.Build(path);
        return path;
    }
}
