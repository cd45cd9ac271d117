using System.Globalization;
using NitroEnclaves.Boot.Benchmarks;
using NitroEnclaves.Enclaves;

// How long an enclave takes from the engine's start to its heartbeat, with the enclave kernel and with Debian's: boots in turns, so that
// whatever else the machine does meets both, and the ratio of the medians. Usage: NitroEnclaves.Boot.Benchmarks [BOOTS-OF-EACH]
var boots = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 5;
var engine = new QemuEngine();
Console.WriteLine(engine.Probe().Explanation);
using var enclaveKernel = BootImage.Build("enclave-kernel");
using var debianKernel = BootImage.Build("kernel");
BootImage[] images = [enclaveKernel, debianKernel];
foreach (var image in images)
{
    Console.WriteLine($"{image.KernelVersion}: image of {image.Length / 1e6:0.0} MB");
    // Not counted: the first boot of each reads files from disk.
    await HeartbeatTimer.MeasureAsync(engine, image);
}

var times = images.Select(_ => new List<double>()).ToArray();
for (var boot = 0; boot < boots; boot++)
{
    for (var i = 0; i < images.Length; i++)
    {
        times[i].Add((await HeartbeatTimer.MeasureAsync(engine, images[i])).TotalSeconds);
    }
}

foreach (var (image, of) in images.Zip(times))
{
    of.Sort();
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"{image.KernelVersion,-40} median {of[of.Count / 2]:0.00} s, from {of[0]:0.00} to {of[^1]:0.00} s in {of.Count} boots"));
}

Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ratio {times[0][boots / 2] / times[1][boots / 2]:0.00} (goal: at most 0.50)"));
