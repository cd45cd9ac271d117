using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>The JSON file of <c>run-enclave --config</c>: what is accepted breaks no rule of the options that it stands for.</summary>
sealed class ConfigurationFuzzTarget : IFuzzTarget
{
    public string Name => "configuration";

    public IEnumerable<byte[]> Seeds =>
    [
        """{"eif_path": "/a.eif", "memory_mib": 512, "cpu_count": 2}"""u8.ToArray(),
        """{"eif_path": "a", "memory_mib": 64, "cpu_ids": [1, 3], "enclave_cid": 16, "debug_mode": true, "attach_console": null, "enclave_name": "n", "x": [{}]}"""u8.ToArray(),
        """{"eif_path": "\u00e9", "memory_mib": 64, "cpu_count": 1, "engine": "qemu", "restart": "always", "restart_limit": 3, "restart_delay": 0.5}"""u8.ToArray(),
        """{"eif_path": "\ud800", "memory_mib": 1e3}"""u8.ToArray(),
    ];

    public int LastOutcome { get; private set; }

    public void Run(ReadOnlySpan<byte> input)
    {
        try
        {
            var options = RunEnclaveConfiguration.Parse(input, "f").ToOptions();
            options.Validate();
            LastOutcome = HashCode.Combine(options.VcpuCount, options.Engine, options.Restart.Mode, options.DebugMode);
            if (options.EifPath is not { Length: > 0 } || options.VcpuCount == 0 || options.EnclaveCid is 1 or 2 or 3 or >= uint.MaxValue)
            {
                throw new InvalidOperationException("Options were accepted that cannot be meant.");
            }
        }
        catch (EnclaveException exception)
        {
            LastOutcome = (int)exception.Failure;
        }
    }
}
