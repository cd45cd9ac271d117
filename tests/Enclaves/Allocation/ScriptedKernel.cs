using System.Globalization;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// The part of a kernel that sets CPUs and huge pages aside: it takes CPUs off-line, hides the cores of those that are, gives no more pages
/// than a node has memory for, and refuses what the real driver refuses.
/// </summary>
sealed class ScriptedKernel : KernelFiles
{
    readonly List<uint[]>[] _nodes;
    readonly Dictionary<(int Node, ulong Size), (ulong Total, ulong Used)> _pages = [];
    readonly Dictionary<int, ulong> _memory = [];
    uint[] _pool = [];

    /// <summary>A machine.</summary>
    /// <param name="memoryMiB">The memory of each node that huge pages can be made of.</param>
    /// <param name="nodes">The cores of each node.</param>
    public ScriptedKernel(ulong memoryMiB, params List<uint[]>[] nodes)
    {
        _nodes = nodes;
        for (var node = 0; node < nodes.Length; node++)
        {
            _memory[node] = memoryMiB << 20;
            _pages[(node, 1UL << 30)] = _pages[(node, 2UL << 20)] = (0, 0);
        }
    }

    /// <summary>Two threads a core: CPU n and CPU n + cores share one.</summary>
    public static List<uint[]> Cores(uint first, uint count, uint stride) =>
        [.. Enumerable.Range((int)first, (int)count).Select(cpu => new[] { (uint)cpu, (uint)cpu + stride })];

    public bool HasDriver { get; init; } = true;

    public uint CoreCount { get; init; } = 1;

    public bool EnclaveRuns { get; set; }

    public bool DriverTakesOther { get; init; }

    public string Pool => CpuList.Format(_pool);

    public List<string> Writes { get; } = [];

    public ulong Total(int node, ulong size) => _pages[(node, size)].Total;

    public void SetPages(int node, ulong size, ulong total, ulong used) => _pages[(node, size)] = (total, used);

    public void LimitMemory(int node, ulong mebibytes) => _memory[node] = mebibytes << 20;

    public void SetPool(params uint[] cpus) => _pool = cpus;

    IEnumerable<uint> AllCpus => _nodes.SelectMany(cores => cores.SelectMany(core => core)).Order();

    public override bool Exists(string path) => path == EnclaveAllocator.PoolPath && HasDriver;

    public override IReadOnlyList<string> Folders(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts switch
        {
            ["sys", "devices", "system", "cpu", var cpu] when uint.TryParse(cpu.AsSpan(3), out var number) && AllCpus.Contains(number) => ["power", $"node{NodeOf(number)}"],
            ["sys", "devices", "system", "node", var node, "hugepages"] =>
                [.. _pages.Keys.Where(key => key.Node == NodeNumber(node)).Select(key => $"hugepages-{key.Size >> 10}kB"), "hugepages-64kB"],
            _ => [],
        };
    }

    public override string Read(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts switch
        {
            ["sys", "devices", "system", "cpu", "online"] => CpuList.Format(AllCpus.Except(_pool)),
            ["sys", "devices", "system", "cpu", "present"] => CpuList.Format(AllCpus),
            ["sys", "devices", "system", "cpu", var cpu, "topology", "thread_siblings_list"] =>
                CpuList.Format(_nodes.SelectMany(cores => cores).Single(core => core.Contains(uint.Parse(cpu.AsSpan(3), CultureInfo.InvariantCulture))).Except(_pool)),
            ["sys", "devices", "system", "node", var node, "hugepages", var size, "nr_hugepages"] => $"{_pages[Key(node, size)].Total}",
            ["sys", "devices", "system", "node", var node, "hugepages", var size, "free_hugepages"] =>
                $"{_pages[Key(node, size)].Total - _pages[Key(node, size)].Used}",
            _ when path == EnclaveAllocator.PoolPath => Pool,
            _ => throw new FileNotFoundException(path),
        };
    }

    public override void Write(string path, string value)
    {
        Writes.Add($"{path} {value}");
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (path == EnclaveAllocator.PoolPath)
        {
            WritePool([.. CpuList.Parse(value)]);
        }
        else if (parts is ["sys", "devices", "system", "node", var node, "hugepages", var size, "nr_hugepages"])
        {
            var key = Key(node, size);
            var others = _pages.Where(pages => pages.Key.Node == key.Node && pages.Key != key).Aggregate(0UL, (sum, pages) => sum + pages.Key.Size * pages.Value.Total);
            var room = (_memory[key.Node] - others) / key.Size;
            var used = _pages[key].Used;
            _pages[key] = (Math.Max(used, Math.Min(ulong.Parse(value, CultureInfo.InvariantCulture), room)), used);
        }
        else
        {
            throw new FileNotFoundException(path);
        }
    }

    void WritePool(uint[] cpus)
    {
        if (EnclaveRuns)
        {
            throw new UnauthorizedAccessException("Operation not permitted");
        }

        // As the driver does it: the old pool is gone before the new one is looked at, and an empty list is none.
        _pool = [];
        if (cpus.Length == 0 || cpus.Contains(0u) || cpus.Select(NodeOf).Distinct().Count() > 1)
        {
            throw new IOException("Invalid argument");
        }

        _pool = DriverTakesOther ? cpus[..^1] : cpus;
    }

    int NodeOf(uint cpu) => Array.FindIndex(_nodes, cores => cores.Any(core => core.Contains(cpu)));

    static int NodeNumber(string name) => int.Parse(name.AsSpan(4), CultureInfo.InvariantCulture);

    static (int Node, ulong Size) Key(string node, string size) =>
        (NodeNumber(node), ulong.Parse(size.AsSpan(10, size.Length - 12), CultureInfo.InvariantCulture) << 10);
}
