namespace NitroEnclaves.Enclaves;

/// <summary>Starts enclaves, each in a background process of its own that outlives this one unless it is told otherwise.</summary>
public sealed class EnclaveLauncher : IDisposable
{
    readonly string _fileName;
    readonly string[] _arguments;
    WaitingProcess? _ahead;

    /// <summary>Creates a launcher.</summary>
    /// <param name="fileName">The program that runs <see cref="EnclaveProcess.RunAsync"/> when it is given the arguments.</param>
    /// <param name="arguments">Its arguments, the verb among them.</param>
    public EnclaveLauncher(string fileName, params IEnumerable<string> arguments)
    {
        ArgumentException.ThrowIfNullOrEmpty(fileName);
        (_fileName, _arguments) = (fileName, [.. arguments]);
    }

    /// <summary>
    /// A launcher that starts the running program again with <see cref="EnclaveProcess.Verb"/>, whether it was started by itself or
    /// through <c>dotnet</c>.
    /// </summary>
    public static EnclaveLauncher ForThisProgram()
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("The path of the running program is unknown.");
        return Path.GetFileNameWithoutExtension(program) == "dotnet"
            ? new EnclaveLauncher(program, Environment.GetCommandLineArgs()[0], EnclaveProcess.Verb)
            : new EnclaveLauncher(program, EnclaveProcess.Verb);
    }

    /// <summary>
    /// Starts the background process of the next enclave now, before it is known what that shall be: two starts of the runtime then go on
    /// beside each other. <see cref="StartAsync"/> takes it; one that is not taken ends with <see cref="Dispose"/>. Where it cannot be started,
    /// <see cref="StartAsync"/> tries again, and says so.
    /// </summary>
    public void StartAhead()
    {
        try
        {
            _ahead ??= StartProcess();
        }
        catch (EnclaveException)
        {
            // Whether it matters is not known yet.
        }
    }

    /// <summary>Ends a process that was started ahead and not taken. Enclaves run on.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _ahead, null) is { } waiting)
        {
            // It has nothing yet that would have to be put away.
            waiting.Process.Signal(Interop.SIGKILL);
            waiting.Process.Exit.GetAwaiter().GetResult();
            waiting.Stream.Dispose();
        }
    }

    /// <summary>Starts an enclave and waits for its heartbeat.</summary>
    /// <param name="options">What to start. Relative paths are taken from the current folder.</param>
    /// <param name="progress">Told what happens meanwhile, a line each.</param>
    /// <param name="cancellationToken">Gives the start up; nothing of the enclave stays behind.</param>
    /// <returns>The running enclave.</returns>
    /// <exception cref="EnclaveException">The enclave did not come up; nothing of it stays behind.</exception>
    public async Task<LaunchedEnclave> StartAsync(
        EnclaveOptions options, IProgress<string>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        options = WithFullPaths(options);
        var registry = new EnclaveRegistry(options.RegistryPath);
        var (process, stream) = Interlocked.Exchange(ref _ahead, null) ?? StartProcess();
        var channel = new LaunchChannel(stream);
        try
        {
            var info = await WaitForStartAsync(channel, options, progress, cancellationToken).ConfigureAwait(false);
            return new LaunchedEnclave(info, registry, channel, process, options.EndWithLauncher);
        }
        catch
        {
            // Closing the channel tells the process to give up; whatever it could not remove, we do.
            await channel.DisposeAsync().ConfigureAwait(false);
            await process.EndAsync(LaunchedEnclave.EndPatience).ConfigureAwait(false);
            registry.Tidy();
            throw;
        }
    }

    WaitingProcess StartProcess()
    {
        using var pair = SocketPair.Create();
        var process = ChildProcess.Start(new ChildProcessStart
        {
            FileName = _fileName,
            Arguments = _arguments,
            Environment = ProcessEnvironment(),
            Descriptors = [pair.Theirs],
            Output = JournalOutput.OpenStream(),
            NewSession = true,
            ManyDescriptors = true,
        });
        return new WaitingProcess(process, pair.TakeStream());
    }

    static async Task<EnclaveRunInfo> WaitForStartAsync(
        LaunchChannel channel, EnclaveOptions options, IProgress<string>? progress, CancellationToken cancellationToken)
    {
        try
        {
            await channel.SendOptionsAsync(options, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It has ended; what it may have said before comes first.
        }

        while (await channel.ReceiveAsync(cancellationToken).ConfigureAwait(false) is { } message)
        {
            if (message.Started is { } info)
            {
                return info;
            }

            if (message.Failed is { } failure)
            {
                throw failure.ToException();
            }

            if (message.Progress is { } line)
            {
                progress?.Report(line);
            }
        }

        throw new EnclaveException(EnclaveFailure.ProcessConnection, "The enclave's process ended without a word; it was probably killed.");
    }

    // The runtime's own diagnostics put a socket and pipes into the temporary folder, which stay there when the process is killed.
    static Dictionary<string, string> ProcessEnvironment()
    {
        const string Diagnostics = "DOTNET_EnableDiagnostics";
        var environment = new Dictionary<string, string> { [Diagnostics] = "0" };
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            environment[(string)variable.Key] = (string?)variable.Value ?? "";
        }

        return environment;
    }

    static EnclaveOptions WithFullPaths(EnclaveOptions options) => options with
    {
        EifPath = Full(options.EifPath),
        KernelPath = Full(options.KernelPath),
        RootFolder = options.RootFolder is { } folder ? folder with { Path = Path.GetFullPath(folder.Path) } : null,
        InitrdPaths = [.. options.InitrdPaths.Select(Path.GetFullPath)],
        AuthorityPath = Full(options.AuthorityPath),
        RegistryPath = Full(options.RegistryPath),
        QemuPath = Full(options.QemuPath),
    };

    static string? Full(string? path) => path is null ? null : Path.GetFullPath(path);

    /// <summary>A process that waits for its options, and the stream that brings them.</summary>
    sealed record WaitingProcess(ChildProcess Process, Stream Stream);
}
