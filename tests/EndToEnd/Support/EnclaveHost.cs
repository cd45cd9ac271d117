using System.Security.Cryptography;
using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// A parent machine of a test's own: its registry, its authority, its temporary folder and its instance id are nobody else's, so that
/// whatever an enclave leaves behind is found.
/// </summary>
sealed class EnclaveHost : IAsyncDisposable
{
    // Every process of this host has it in its environment, or the instance id in its command line.
    const string MarkVariable = "NITRO_END_TO_END";

    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    readonly string _folder = Directory.CreateTempSubdirectory("nitro-e2e-").FullName;
    int _slots;

    readonly EngineChoice _engine;

    /// <param name="engine">What runs this host's enclaves.</param>
    public EnclaveHost(EngineChoice engine = EngineChoice.Qemu)
    {
        _engine = engine;
        Directory.CreateDirectory(RegistryPath);
        Directory.CreateDirectory(TemporaryPath);
        Authority = AttestationAuthority.OpenOrCreate(AuthorityPath);
    }

    /// <summary>The parent's instance id.</summary>
    public string InstanceId { get; } = $"i-{RandomNumberGenerator.GetHexString(17, lowercase: true)}";

    public AttestationAuthority Authority { get; }

    /// <summary>Where all of the host's folders are.</summary>
    public string Folder => _folder;

    public string RegistryPath => Path.Combine(_folder, "run");

    public string AuthorityPath => Path.Combine(_folder, "authority");

    public string TemporaryPath => Path.Combine(_folder, "tmp");

    /// <summary>Where this host's enclaves write what happens to them.</summary>
    public string LogPath => Path.Combine(_folder, "log");

    public EnclaveRegistry Registry => new(RegistryPath);

    /// <summary>The variable, and its value, by which a process is known as one of this host's.</summary>
    public (string Variable, string Value) Mark => (MarkVariable, InstanceId);

    /// <summary>The variables under which the command has this host's registry and leaves its temporary files here.</summary>
    public Dictionary<string, string> Environment => new()
    {
        ["NITRO_CLI_SOCKETS_PATH"] = RegistryPath,
        ["NITRO_CLI_LOGS_PATH"] = LogPath,
        ["TMPDIR"] = TemporaryPath,
        [MarkVariable] = InstanceId,
    };

    /// <summary>A module id of this host that no enclave had before.</summary>
    public string NewModuleId() => $"{InstanceId}-enc{0x10 + Interlocked.Increment(ref _slots):x16}";

    /// <summary>The options that make an enclave one of this host.</summary>
    public EnclaveOptions Options(string imagePath) => new()
    {
        EifPath = imagePath,
        MemoryMiB = 256,
        CpuCount = 1,
        ModuleId = NewModuleId(),
        RegistryPath = RegistryPath,
        AuthorityPath = AuthorityPath,
        Engine = _engine,
    };

    /// <summary>Starts an enclave through the command's hidden verb, as <c>run-enclave</c> does.</summary>
    public Task<LaunchedEnclave> StartAsync(EnclaveOptions options) =>
        Launcher().StartAsync(options, cancellationToken: TestContext.Current.CancellationToken);

    /// <summary>Connects to a port of an enclave; tries again while the program in it is still starting.</summary>
    public Task<VsockConnection> ConnectAsync(EnclaveRunInfo enclave, uint port) => ConnectAsync(enclave.EnclaveCid, port);

    /// <inheritdoc cref="ConnectAsync(EnclaveRunInfo, uint)"/>
    public async Task<VsockConnection> ConnectAsync(uint cid, uint port)
    {
        var connector = new VsockConnector(VsockOptions);
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await connector.ConnectAsync(cid, port, TestContext.Current.CancellationToken);
            }
            catch (VsockException exception) when (exception.Error == VsockError.ConnectionRefused && attempt < 2400)
            {
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }
        }
    }

    /// <summary>The options with which this host's programs reach its enclaves, and these them.</summary>
    public VsockOptions VsockOptions => new() { Resolvers = [new EnclaveVsockResolver(Registry)] };

    /// <summary>Waits until no process, socket or file of an enclave is left; fails after a minute, which a machine with much to do may need.</summary>
    public async Task AssertNothingLeftAsync()
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (Left() is { Count: > 0 } left)
        {
            Assert.False(patience.IsCancellationRequested, $"Left behind:\n{string.Join('\n', left)}");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in MarkedProcess.Find(MarkVariable, InstanceId))
        {
            process.Kill();
        }

        Authority.Dispose();
        await Task.Run(() => Directory.Delete(_folder, recursive: true));
    }

    /// <summary>Whether a command is connected to an enclave's process.</summary>
    public async Task<bool> IsWaitedForAsync(string enclaveId)
    {
        var socket = $"{enclaveId.Split("-enc")[1]}.sock";
        return (await File.ReadAllLinesAsync("/proc/net/unix", TestContext.Current.CancellationToken)).Count(
            line => line.EndsWith(socket, StringComparison.Ordinal) && line.Contains(RegistryPath, StringComparison.Ordinal)) > 1;
    }

    /// <summary>Processes of this host that run now.</summary>
    public IReadOnlyList<MarkedProcess> Processes() => MarkedProcess.Find(MarkVariable, InstanceId);

    EnclaveLauncher Launcher() => new(
        "/usr/bin/env", [.. Environment.Select(variable => $"{variable.Key}={variable.Value}"), Checkout.Command, EnclaveProcess.Verb]);

    List<string> Left() =>
    [
        .. Processes().Select(process => process.ToString()),
        .. Directory.EnumerateFileSystemEntries(RegistryPath),
        .. Directory.EnumerateFileSystemEntries(TemporaryPath),
    ];
}
