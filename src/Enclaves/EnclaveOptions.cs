using System.Text.Json.Serialization;

namespace NitroEnclaves.Enclaves;

/// <summary>What an enclave is started from and what it may use: the options of <c>run-enclave</c> (eif-and-nitro-cli 3.1, contracts).</summary>
public sealed record EnclaveOptions
{
    /// <summary>The image file. Exactly one of this, <see cref="KernelPath"/> and <see cref="RootFolder"/> is given.</summary>
    public string? EifPath { get; init; }

    /// <summary>A kernel, to be put together with <see cref="InitrdPaths"/> and <see cref="CommandLine"/> instead of an image file.</summary>
    public string? KernelPath { get; init; }

    /// <summary>The ramdisks that go with <see cref="KernelPath"/>, in order; the first is the one that PCR1 covers.</summary>
    public IReadOnlyList<string> InitrdPaths { get; init; } = [];

    /// <summary>The kernel command line that goes with <see cref="KernelPath"/>; it is measured.</summary>
    public string? CommandLine { get; init; }

    /// <summary>A folder with a root file system, in an image's place: for the process engine, in debug mode.</summary>
    public RootFolder? RootFolder { get; init; }

    /// <summary>The enclave's memory in MiB; at least four times the size of the image.</summary>
    public ulong MemoryMiB { get; init; }

    /// <summary>The number of vCPUs. Exactly one of this and <see cref="CpuIds"/> is given.</summary>
    public uint? CpuCount { get; init; }

    /// <summary>The CPUs of the parent that the enclave gets, each named once. An emulated enclave's vCPUs stay on them.</summary>
    public IReadOnlyList<uint>? CpuIds { get; init; }

    /// <summary>The enclave's CID, 4 to 0xFFFFFFFE; null or 0 takes a free one.</summary>
    public ulong? EnclaveCid { get; init; }

    /// <summary>Debug mode: the console may be read, and PCR0, 1, 2 and 8 are zero in attestation documents.</summary>
    public bool DebugMode { get; init; }

    /// <summary>
    /// Lets the console of an emulated enclave be read although it is not in debug mode. On Nitro such an enclave has no console at all.
    /// </summary>
    public bool ConsoleWithoutDebugMode { get; init; }

    /// <summary>
    /// Whoever starts the enclave is going to follow its console: its end is told only when somebody does, so that nothing is lost of what a
    /// program prints that ends at once. The enclave itself is gone by then; its console waits for as long as the process that started it
    /// lives and has not disposed its <see cref="LaunchedEnclave"/>, but for a minute at most.
    /// </summary>
    public bool AttachConsole { get; init; }

    /// <summary>Bridges between TCP ports of the parent and the emulated enclave's vsock, in the form of <see cref="VsockForward"/>.</summary>
    public IReadOnlyList<string> Forwards { get; init; } = [];

    /// <summary>CIDs of other emulated enclaves that this one may dial. On Nitro an enclave reaches nobody but its parent.</summary>
    public IReadOnlyList<uint> VsockAllow { get; init; } = [];

    /// <summary>The enclave's name; null takes the image's file name without <c>.eif</c>. A taken name gets <c>_1</c>, <c>_2</c>, ...</summary>
    public string? Name { get; init; }

    /// <summary>The ARN of the parent's IAM role, from which PCR3 is made; null leaves PCR3 zero.</summary>
    public string? ParentRoleArn { get; init; }

    /// <summary>The parent's instance id, from which PCR4 is made; null takes <see cref="InstanceId.OfThisMachine"/>.</summary>
    public string? ParentInstanceId { get; init; }

    /// <summary>The enclave's id and module id; null makes one from the parent's instance id and a free slot.</summary>
    public string? ModuleId { get; init; }

    /// <summary>The engine to use.</summary>
    public EngineChoice Engine { get; init; }

    /// <summary>The folder of the local authority that signs attestation documents of emulated enclaves; null takes the default one.</summary>
    public string? AuthorityPath { get; init; }

    /// <summary>The folder of the registry; null takes <see cref="EnclaveRegistry.DefaultPath"/>.</summary>
    public string? RegistryPath { get; init; }

    /// <summary>The QEMU to use; null takes the one in the cache folder, then the one on <c>PATH</c>.</summary>
    public string? QemuPath { get; init; }

    /// <summary>How long the enclave may take until its heartbeat; null takes what nitro-cli takes (<see cref="EnclaveBootTimeout"/>).</summary>
    public TimeSpan? BootTimeout { get; init; }

    /// <summary>When the enclave is started again after its end. The same image is started, under the same name and CID.</summary>
    public RestartPolicy Restart { get; init; } = new();

    /// <summary>Ends the enclave when the process that launched it ends. Otherwise only a failed or abandoned launch does.</summary>
    public bool EndWithLauncher { get; init; }

    /// <summary>The name that the enclave asks for: the given one, or the image's file name with every trailing <c>.eif</c> removed.</summary>
    [JsonIgnore]
    public string RequestedName => Name ?? DefaultName(EifPath ?? KernelPath ?? RootFolder?.Path.TrimEnd('/') ?? "");

    /// <summary>The number of vCPUs.</summary>
    [JsonIgnore]
    public int VcpuCount => (int)(CpuIds is { } ids ? (uint)ids.Count : CpuCount ?? 0);

    static string DefaultName(string path)
    {
        var name = Path.GetFileName(path);
        while (name.EndsWith(".eif", StringComparison.Ordinal))
        {
            name = name[..^4];
        }

        return name;
    }
}
