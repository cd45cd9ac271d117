namespace NitroEnclaves.Enclaves.Tests;

/// <summary>Setting CPUs and huge pages aside (eif-and-nitro-cli 3.8), against a kernel that behaves as the real one.</summary>
public sealed class EnclaveAllocatorTests
{
    const ulong GiB = 1UL << 30;
    const ulong MiB2 = 2UL << 20;

    static ScriptedKernel TwoNodes(ulong memoryMiB = 4096) => new(memoryMiB, ScriptedKernel.Cores(0, 4, 8), ScriptedKernel.Cores(4, 4, 8));

    static AllocatorConfiguration Count(uint cpus, ulong memoryMiB) => new() { MemoryMiB = memoryMiB, CpuCount = cpus };

    static AllocatorConfiguration Pool(ulong memoryMiB, params uint[] cpus) => new() { MemoryMiB = memoryMiB, CpuPool = cpus };

    [Fact]
    public void Whole_cores_beside_CPU_0s_are_chosen_and_the_largest_pages_that_fit()
    {
        var kernel = TwoNodes();
        var allocation = new EnclaveAllocator(kernel).Allocate(Count(4, 1024 + 512));
        Assert.Equal([1, 2, 9, 10], allocation.CpuPool);
        Assert.Equal("1-2,9-10", kernel.Pool);
        Assert.Equal([new HugePages(GiB, 1), new HugePages(MiB2, 256)], allocation.Pages);
        Assert.Equal((0, 1536UL), (allocation.Node, allocation.MemoryMiB));
    }

    [Fact]
    public void A_request_smaller_than_a_large_page_takes_none()
    {
        var kernel = TwoNodes();
        kernel.SetPages(0, GiB, total: 1, used: 0);
        var allocation = new EnclaveAllocator(kernel).Allocate(Count(2, 255));
        Assert.Equal([new HugePages(MiB2, 128)], allocation.Pages);
        Assert.Equal(0UL, kernel.Total(0, GiB));
    }

    [Fact]
    public void Smaller_pages_make_up_for_large_ones_that_cannot_be_had()
    {
        var kernel = TwoNodes(memoryMiB: 2048 + 600);
        var allocation = new EnclaveAllocator(kernel).Allocate(Count(2, 2048 + 512));
        Assert.Equal(2560UL, allocation.MemoryMiB);
        kernel.LimitMemory(0, 1900);
        Assert.Equal(1800UL, new EnclaveAllocator(kernel).Allocate(Count(2, 1800)).MemoryMiB);
        Assert.Equal((1UL, 388UL), (kernel.Total(0, GiB), kernel.Total(0, MiB2)));
    }

    [Fact]
    public void The_next_node_is_tried_where_one_lacks_memory_or_CPUs()
    {
        var kernel = TwoNodes();
        kernel.LimitMemory(0, 100);
        var allocation = new EnclaveAllocator(kernel).Allocate(Count(2, 512));
        Assert.Equal((1, "4,12"), (allocation.Node, kernel.Pool));
        Assert.Equal(8, new EnclaveAllocator(TwoNodes()).Allocate(Count(8, 512)).CpuPool.Count);
        Assert.Equal(1, new EnclaveAllocator(TwoNodes()).Allocate(Count(8, 512)).Node);
    }

    [Fact]
    public void Pages_that_a_program_uses_do_not_count()
    {
        var kernel = TwoNodes();
        kernel.SetPages(0, MiB2, total: 50, used: 30);
        var allocation = new EnclaveAllocator(kernel).Allocate(Count(2, 256));
        Assert.Equal([new HugePages(MiB2, 128)], allocation.Pages);
        Assert.Equal(158UL, kernel.Total(0, MiB2));
    }

    [Fact]
    public void What_was_before_is_put_back_when_the_memory_is_not_there()
    {
        var kernel = TwoNodes(memoryMiB: 1500);
        kernel.SetPool(3, 11);
        kernel.SetPages(0, GiB, total: 1, used: 0);
        kernel.SetPages(0, MiB2, total: 20, used: 5);
        var exception = Assert.Throws<EnclaveException>(() => new EnclaveAllocator(kernel).Allocate(Pool(4000, 1, 9)));
        Assert.Equal(EnclaveFailure.InsufficientMemoryAvailable, exception.Failure);
        Assert.Equal((1UL, 20UL, "3,11"), (kernel.Total(0, GiB), kernel.Total(0, MiB2), kernel.Pool));
    }

    [Fact]
    public void What_was_before_is_put_back_when_the_driver_does_something_else()
    {
        var kernel = new ScriptedKernel(4096, ScriptedKernel.Cores(0, 4, 4)) { DriverTakesOther = true };
        kernel.SetPages(0, MiB2, total: 20, used: 0);
        var exception = Assert.Throws<EnclaveException>(() => new EnclaveAllocator(kernel).Allocate(Count(2, 512)));
        Assert.Equal(EnclaveFailure.CpuPool, exception.Failure);
        Assert.Equal((20UL, ""), (kernel.Total(0, MiB2), kernel.Pool));
    }

    [Fact]
    public void CPUs_set_aside_before_are_taken_into_account_again()
    {
        var kernel = TwoNodes();
        kernel.SetPool(1, 2, 9, 10);
        Assert.Equal([1, 2, 3, 9, 10, 11], new EnclaveAllocator(kernel).Allocate(Count(6, 64)).CpuPool);
    }

    [Theory]
    [InlineData(EnclaveFailure.CpuPool, new uint[] { 1 })]
    [InlineData(EnclaveFailure.CpuPool, new uint[] { 1, 9, 4, 12 })]
    [InlineData(EnclaveFailure.NoSuchCpu, new uint[] { 0, 8 })]
    [InlineData(EnclaveFailure.NoSuchCpu, new uint[] { 8 })]
    [InlineData(EnclaveFailure.NoSuchCpu, new uint[] { 16 })]
    public void A_pool_that_enclaves_cannot_have_is_refused_before_any_page_is_touched(EnclaveFailure failure, uint[] cpus)
    {
        var kernel = TwoNodes();
        Assert.Equal(failure, Assert.Throws<EnclaveException>(() => new EnclaveAllocator(kernel).Allocate(Pool(512, cpus))).Failure);
        Assert.DoesNotContain(kernel.Writes, write => write.Contains("hugepages", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(EnclaveFailure.CpuPool, 3)]
    [InlineData(EnclaveFailure.InsufficientCpus, 10)]
    public void A_number_of_CPUs_that_no_node_has_is_refused(EnclaveFailure failure, uint count) =>
        Assert.Equal(failure, Assert.Throws<EnclaveException>(() => new EnclaveAllocator(TwoNodes()).Allocate(Count(count, 512))).Failure);

    [Fact]
    public void Nothing_is_touched_while_an_enclave_runs()
    {
        var kernel = TwoNodes();
        kernel.SetPool(1, 9);
        kernel.EnclaveRuns = true;
        var exception = Assert.Throws<EnclaveException>(() => new EnclaveAllocator(kernel).Allocate(Count(2, 512)));
        Assert.Equal(EnclaveFailure.CpuPool, exception.Failure);
        Assert.Contains("terminate-enclave", exception.Message, StringComparison.Ordinal);
        Assert.Equal("1,9", kernel.Pool);
    }

    [Fact]
    public void Without_the_driver_it_says_what_to_load()
    {
        var kernel = new ScriptedKernel(4096, ScriptedKernel.Cores(0, 2, 2)) { HasDriver = false };
        var exception = Assert.Throws<EnclaveException>(() => new EnclaveAllocator(kernel).Allocate(Count(2, 512)));
        Assert.Equal(EnclaveFailure.EngineUnavailable, exception.Failure);
        Assert.Contains("modprobe", exception.Message, StringComparison.Ordinal);
    }
}
