using System.Text.Json;
using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves;

/// <summary>What the process of an enclave knows of it and tells whoever asks.</summary>
#pragma warning disable CA1001 // The source has no timer, and commands may still cancel it while the enclave goes: it is left to the collector.
sealed class SupervisedEnclave(
    EnclaveOptions options, EnclaveRegistration registration, EifMetadata? metadata, ConsoleLog console) : ICommandTarget
#pragma warning restore CA1001
{
    const string HashAlgorithm = "Sha512_48 { .. }";

    readonly CancellationTokenSource _terminate = new();
    readonly TaskCompletionSource<EnclaveEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public EnclaveRegistration Registration => registration;

    public string Id => registration.Entry.Id;

    public string Name => registration.Entry.Name;

    public uint Cid => registration.Entry.Cid;

    public bool IsDebugMode => options.DebugMode;

    public ConsoleLog Console => console;

    public ConsoleLog? ReadableConsole => options.DebugMode || options.ConsoleWithoutDebugMode ? console : null;

    public IEnterableEnclave? Enterable { get; private set; }

    public Task<EnclaveEnd> Ended => _ended.Task;

    /// <summary>Cancelled when a command asks for the enclave's end.</summary>
    public CancellationToken TerminationAsked => _terminate.Token;

    /// <summary>What the image measured when the enclave was first started.</summary>
    public EifMeasurements ImageMeasurements { get; set; } = EnclaveSource.Unmeasured;

    /// <summary>Counts what the enclave asks of its NSM.</summary>
    public NsmRequestCounter NsmRequests { get; } = new();

    /// <summary>How often the enclave was started again; null where it never is.</summary>
    public int? Restarts { get; set; } = options.Restart.Restarts ? 0 : null;

    IReadOnlyList<uint> CpuIds { get; set; } = options.CpuIds ?? [.. Enumerable.Range(0, options.VcpuCount).Select(id => (uint)id)];

    ulong MemoryMiB { get; set; } = options.MemoryMiB;

    IRunningEnclave? Running { get; set; }

    /// <summary>Takes over what the engine really gave the enclave.</summary>
    public void Place(IRunningEnclave running)
    {
        Running = running;
        Enterable = options.DebugMode ? running as IEnterableEnclave : null;
        CpuIds = running.CpuIds ?? CpuIds;
        MemoryMiB = running.MemoryMiB ?? MemoryMiB;
    }

    public void Terminate() => _terminate.Cancel();

    /// <summary>Says that the enclave has ended and nothing of it is left.</summary>
    public void Complete(EnclaveEnd end) => _ended.TrySetResult(end);

    /// <summary>Adds to an end what is known here: the restarts, and the console's last lines where they may be read.</summary>
    public EnclaveEnd Complement(EnclaveEnd end) => end with
    {
        Restarts = Restarts,
        ConsoleTail = ReadableConsole?.TailText() is { Length: > 0 } tail ? tail : null,
    };

    public EnclaveStatistics Statistics() => new() { NsmRequests = NsmRequests.Read(), Vsock = Running?.Vsock };

    public EnclaveRunInfo RunInfo() => new()
    {
        EnclaveName = Name,
        EnclaveId = Id,
        ProcessId = registration.Entry.ProcessId,
        EnclaveCid = Cid,
        NumberOfCpus = options.VcpuCount,
        CpuIds = CpuIds,
        MemoryMiB = MemoryMiB,
    };

    public EnclaveDescription Describe(bool metadata) => new()
    {
        EnclaveName = Name,
        EnclaveId = Id,
        ProcessId = registration.Entry.ProcessId,
        EnclaveCid = Cid,
        NumberOfCpus = options.VcpuCount,
        CpuIds = CpuIds,
        MemoryMiB = MemoryMiB,
        State = StateName(registration.Entry.State),
        Flags = options.DebugMode ? "DEBUG_MODE" : "NONE",
        Measurements = Measurements(),
        ImageName = metadata ? ImageMetadata?.ImageName : null,
        ImageVersion = metadata ? ImageMetadata?.ImageVersion : null,
        Metadata = metadata && ImageMetadata is { } image ? EnclaveMetadataJson.Flatten(image) : null,
        Engine = registration.Entry.Engine,
        Warning = registration.Entry.Engine == ProcessEngine.EngineName ? ProcessEngine.Warning : null,
        Restarts = Restarts,
    };

    EifMetadata? ImageMetadata => metadata;

    Dictionary<string, string> Measurements()
    {
        var values = new Dictionary<string, string>
        {
            ["HashAlgorithm"] = HashAlgorithm,
            ["PCR0"] = ImageMeasurements.Pcr0.ToString(),
            ["PCR1"] = ImageMeasurements.Pcr1.ToString(),
            ["PCR2"] = ImageMeasurements.Pcr2.ToString(),
        };
        if (ImageMeasurements.Pcr8 is { } certificate)
        {
            values["PCR8"] = certificate.ToString();
        }

        return values;
    }

    static string StateName(EnclaveState state) => state switch
    {
        EnclaveState.Running => "RUNNING",
        EnclaveState.Terminating => "TERMINATING",
        _ => "EMPTY",
    };
}
