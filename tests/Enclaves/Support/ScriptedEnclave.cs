namespace NitroEnclaves.Enclaves.Tests;

/// <summary>An enclave to command, without anything that runs.</summary>
sealed class ScriptedEnclave : ICommandTarget
{
    public TaskCompletionSource<EnclaveEnd> End { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource TerminationAsked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Id => $"{Samples.Parent}-enc0000000000000001";

    public string Name => "hello";

    public uint Cid => 16;

    public bool IsDebugMode { get; set; }

    public ConsoleLog? ReadableConsole { get; set; }

    public Task<EnclaveEnd> Ended => End.Task;

    public void Terminate() => TerminationAsked.TrySetResult();

    public EnclaveStatistics Statistics() =>
        new() { NsmRequests = new Dictionary<string, long> { ["GetRandom"] = 3 }, Vsock = new VsockTraffic(1L << 40, 2) };

    public EnclaveDescription Describe(bool metadata) => new()
    {
        EnclaveName = Name,
        EnclaveId = Id,
        ProcessId = 4711,
        EnclaveCid = Cid,
        NumberOfCpus = 2,
        CpuIds = [0, 1],
        MemoryMiB = 256,
        State = "RUNNING",
        Flags = "NONE",
        Measurements = new Dictionary<string, string> { ["HashAlgorithm"] = "Sha512_48 { .. }", ["PCR0"] = "00" },
        ImageName = metadata ? "image" : null,
    };
}
