namespace NitroEnclaves.Enclaves.Tests;

public sealed class HostMemoryTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("MemTotal: 9 kB\nMemAvailable:    1048576 kB\nBuffers: 1 kB\n", 1024, true)]
    [InlineData("MemAvailable:    1048576 kB\n", 1025, false)]
    [InlineData("MemAvailable:    1048576 kB\n", ulong.MaxValue, false)]
    [InlineData("MemTotal: 9 kB\n", 1025, true)]
    [InlineData("MemAvailable: much\n", 1025, true)]
    [InlineData("", 1025, true)]
    public void More_memory_than_is_available_is_refused(string information, ulong memoryMiB, bool enough)
    {
        File.WriteAllText(_folder["meminfo"], information);
        var refusal = Record.Exception(() => HostMemory.Check(memoryMiB, _folder["meminfo"])) as EnclaveException;
        Assert.Equal(enough, refusal is null);
        if (refusal is not null)
        {
            Assert.Equal((EnclaveFailure.InsufficientMemoryAvailable, 27), (refusal.Failure, refusal.NitroCliCode));
        }
    }
}
