using BenchmarkDotNet.Attributes;

namespace NitroEnclaves.Virtio.Benchmarks;

/// <summary>
/// 64 chains a batch: offered by a minimal driver, popped, used, published. Times are for one chain, the driver's part included.
/// </summary>
[MemoryDiagnoser]
public class VirtqueueBenchmarks : IDisposable
{
    const int Batch = 64;

    readonly BenchmarkRing _one = new(VirtioFeatures.Ring);
    readonly BenchmarkRing _two = new(VirtioFeatures.Ring);
    readonly BenchmarkRing _withoutEventIndex = new(0);
    readonly byte[] _header = new byte[44];

    public VirtqueueBenchmarks()
    {
        for (var i = 0; i < Batch; i++)
        {
            _one.SetDescriptor(i, BenchmarkRing.Buffers + (ulong)i * 4096, 4096, 0, 0);
            _withoutEventIndex.SetDescriptor(i, BenchmarkRing.Buffers + (ulong)i * 4096, 4096, 0, 0);
            _two.SetDescriptor(i * 2, BenchmarkRing.Buffers, 44, 1, (ushort)(i * 2 + 1));
            _two.SetDescriptor(i * 2 + 1, BenchmarkRing.Buffers + (ulong)i * 4096, 4096, 0, 0);
        }
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _one.Dispose();
        _two.Dispose();
        _withoutEventIndex.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Batch, Description = "one descriptor")]
    public int One() => Turn(_one, stride: 1);

    [Benchmark(OperationsPerInvoke = Batch, Description = "two descriptors")]
    public int Two() => Turn(_two, stride: 2);

    [Benchmark(OperationsPerInvoke = Batch, Description = "one descriptor, no event index")]
    public int WithoutEventIndex() => Turn(_withoutEventIndex, stride: 1);

    [Benchmark(OperationsPerInvoke = Batch, Description = "one descriptor, its first 44 bytes copied")]
    public int ReadHeader()
    {
        _one.Offer(Batch, 1);
        var sum = 0;
        while (_one.Queue.TryPop(out var chain))
        {
            sum += chain.Read(0, _header);
            _one.Queue.AddUsed(chain.Head, 0);
        }

        _one.Queue.Publish();
        return sum;
    }

    static int Turn(BenchmarkRing ring, int stride)
    {
        ring.Offer(Batch, stride);
        var sum = 0;
        while (ring.Queue.TryPop(out var chain))
        {
            sum += chain.ReadableLength;
            ring.Queue.AddUsed(chain.Head, 0);
        }

        ring.Queue.Publish();
        ring.Queue.EnableNotifications();
        return sum;
    }
}
