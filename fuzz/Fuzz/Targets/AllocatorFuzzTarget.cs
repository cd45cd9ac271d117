using System.Globalization;
using System.Text;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>The allocator's file and its lists of CPUs: what is accepted says one thing only, and says it again when it is written anew.</summary>
sealed class AllocatorFuzzTarget : IFuzzTarget
{
    public string Name => "allocator";

    public IEnumerable<byte[]> Seeds =>
    [
        "---\nmemory_mib: 512\ncpu_count: 2\n"u8.ToArray(),
        "# comment\nx: y\n---\n# comment\nmemory_mib: \"1024\"\n\ncpu_pool: 2,3,6-9\n"u8.ToArray(),
        "---\r\ncpu_pool: \"1 - 3, 8\"\r\nmemory_mib:64"u8.ToArray(),
        "---\nmemory_mib: 1\nmemory_mib: 2\ncpu_count: 8191\n"u8.ToArray(),
    ];

    public int LastOutcome { get; private set; }

    public void Run(ReadOnlySpan<byte> input)
    {
        AllocatorConfiguration configuration;
        try
        {
            configuration = AllocatorConfiguration.Parse(Encoding.UTF8.GetString(input), "f");
        }
        catch (EnclaveException exception)
        {
            LastOutcome = (int)exception.Failure;
            return;
        }

        if (configuration.MemoryMiB == 0 || configuration.CpuCount is null == configuration.CpuPool is null)
        {
            throw new InvalidOperationException("A configuration was accepted that does not say what is set aside.");
        }

        var cpus = configuration.CpuPool is { } pool ? $"cpu_pool: {CpuList.Format(pool)}" : string.Create(CultureInfo.InvariantCulture, $"cpu_count: {configuration.CpuCount}");
        var again = AllocatorConfiguration.Parse(string.Create(CultureInfo.InvariantCulture, $"---\nmemory_mib: {configuration.MemoryMiB}\n{cpus}\n"), "f");
        if (again.MemoryMiB != configuration.MemoryMiB || again.CpuCount != configuration.CpuCount
            || !(again.CpuPool ?? []).SequenceEqual(configuration.CpuPool ?? []))
        {
            throw new InvalidOperationException("A configuration that was written came back as another.");
        }

        LastOutcome = HashCode.Combine(configuration.CpuCount is null, configuration.CpuPool?.Count);
    }
}
