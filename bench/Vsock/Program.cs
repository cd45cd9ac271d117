using System.Globalization;
using NitroEnclaves.Vsock.Benchmarks;

// Measures vsock back ends side by side: a front end that plays QEMU and the guest's driver, programs on the host, and each back end in a
// process of its own. Rounds alternate between the back ends, so that what disturbs one disturbs the other; medians are compared.
//
//   bench/Vsock [--rounds N] [--window SECONDS] [--queue N] [--ours COMMAND] [--peer COMMAND]
//
//   bench/Vsock --conformance yes [--ours COMMAND] [--peer COMMAND]      the conformance cases against each, as a table
//
// A command is a program and its first arguments; the flags of vhost-device-vsock are added. Run it in a checkout in which ./nitro has
// built the command; eng/vhost-device-vsock brings the peer.
var values = args.Chunk(2).ToDictionary(pair => pair[0], pair => pair[^1]);
string Value(string name, string fallback) => values.GetValueOrDefault(name, fallback);
var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } folder
    ? folder
    : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
string[] commands =
[
    Value("--ours", "artifacts/nitro/nitro vsock-device"),
    Value("--peer", Path.Combine(cache, "nitro-enclaves/vhost-device-vsock/current/vhost-device-vsock")),
];
if (values.ContainsKey("--conformance"))
{
    // --peer none leaves the second column out.
    var columns = commands[1] == "none" ? 1 : 2;
    return ConformanceRun.Print(columns == 1 ? ["ours"] : ["ours", "vhost-device-vsock"], commands[..columns]) ? 0 : 1;
}

var rounds = int.Parse(Value("--rounds", "5"), CultureInfo.InvariantCulture);
var window = TimeSpan.FromSeconds(double.Parse(Value("--window", "1"), CultureInfo.InvariantCulture));
var queue = int.Parse(Value("--queue", "128"), CultureInfo.InvariantCulture);
var measurements = new Measurements(queue, window);
var results = new Dictionary<(Measure, int), List<double>>();
void Add(Measure measure, int backend, double value)
{
    if (!results.TryGetValue((measure, backend), out var list))
    {
        results[(measure, backend)] = list = [];
    }

    list.Add(value);
}

var backends = commands.Select((command, index) => new BackendProcess(index == 0 ? "ours" : "peer", command)).ToArray();
try
{
    // Round 0 warms up and does not count.
    for (var round = 0; round <= rounds; round++)
    {
        for (var i = 0; i < backends.Length; i++)
        {
            var index = (i + round) % backends.Length;
            measurements.Run(backends[index], (measure, value) =>
            {
                if (round > 0)
                {
                    Add(measure, index, value);
                }
            });
        }

        Console.Error.WriteLine($"round {round} of {rounds}");
    }

    for (var i = 0; i < backends.Length; i++)
    {
        Add(Measure.IdleCpu, i, measurements.Idle(backends[i]));
    }
}
finally
{
    Array.ForEach(backends, backend => backend.Dispose());
}

// Of processes that have done nothing else.
for (var i = 0; i < commands.Length; i++)
{
    using var backend = new BackendProcess("fresh", commands[i]);
    Add(Measure.Memory, i, measurements.Hold(backend));
}

Console.WriteLine($"| queue {queue}, {rounds} rounds of {window.TotalSeconds} s, medians | ours | vhost-device-vsock | ratio | asked for |");
Console.WriteLine("| --- | ---: | ---: | ---: | --- |");
foreach (var measure in Measure.All)
{
    var medians = Enumerable.Range(0, commands.Length).Select(i =>
    {
        var list = results[(measure, i)];
        list.Sort();
        return list[list.Count / 2] * measure.Scale;
    }).ToArray();
    var ratio = measure.Ratio(medians[0], medians[1]);
    var reached = measure.MoreIsBetter ? ratio >= measure.Wanted : ratio <= measure.Wanted;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"| {measure.Name} | {medians[0]:0.##} | {medians[1]:0.##} | {ratio:0.00} | {(measure.MoreIsBetter ? "at least" : "at most")} {measure.Wanted}{(reached ? "" : ", **missed**")} |"));
}

return 0;
