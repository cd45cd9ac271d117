using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>The allocator's file and the kernel's lists of CPUs.</summary>
public sealed class AllocatorConfigurationTests
{
    [Fact]
    public void The_file_of_AWSs_package_is_read()
    {
        const string file = """
            # Enclave configuration file.
            ignored: before the mark
            ---
            # How much memory to allocate for enclaves (in MiB).
            memory_mib: 512
            #
            cpu_count: 2

            # cpu_pool: 2,3,6-9
            """;
        var configuration = AllocatorConfiguration.Parse(file, "allocator.yaml");
        Assert.Equal((512UL, 2u), (configuration.MemoryMiB, configuration.CpuCount));
        Assert.Null(configuration.CpuPool);
    }

    [Fact]
    public void A_pool_may_stand_in_quotes() =>
        Assert.Equal([2, 3, 6, 7, 8, 9], AllocatorConfiguration.Parse("---\nmemory_mib: 64\ncpu_pool: \"2,3,6-9\"\n", "f").CpuPool!);

    [Theory]
    [InlineData("memory_mib: 512\ncpu_count: 2\n", "f has no line \"---\"")]
    [InlineData("---\ncpu_count: 2\n", "memory_mib")]
    [InlineData("---\nmemory_mib: 512\n", "neither cpu_count nor cpu_pool")]
    [InlineData("---\nmemory_mib: 512\ncpu_count: 2\ncpu_pool: 2,3\n", "exclude each other")]
    [InlineData("---\nmemory_mib: 512\ncpus: 2\n", "f:3 has \"cpus\"")]
    [InlineData("---\nmemory_mib:\n", "f:2 gives memory_mib no value")]
    [InlineData("---\nmemory_mib: 0\n", "f:2 has \"0\"")]
    [InlineData("---\nmemory_mib: -1\n", "f:2 has \"-1\"")]
    [InlineData("---\nmemory_mib: 99999999999999999999\n", "f:2")]
    [InlineData("---\ncpu_count: two\n", "f:2 has \"two\"")]
    public void What_breaks_a_rule_is_named_with_its_line(string text, string expected)
    {
        var exception = Assert.Throws<EnclaveException>(() => AllocatorConfiguration.Parse(text, "f"));
        Assert.Equal(EnclaveFailure.AllocatorConfiguration, exception.Failure);
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0-3-7", EnclaveFailure.MalformedCpuInterval, 24)]
    [InlineData("3-1", EnclaveFailure.MalformedCpuInterval, 24)]
    [InlineData("1,x", EnclaveFailure.MalformedCpuId, 23)]
    [InlineData("1,,2", EnclaveFailure.MalformedCpuId, 23)]
    [InlineData("-1", EnclaveFailure.MalformedCpuId, 23)]
    [InlineData("0-4294967295", EnclaveFailure.MalformedCpuId, 23)]
    public void A_list_that_is_none_has_nitro_clis_code(string text, EnclaveFailure failure, int code)
    {
        var exception = Assert.Throws<EnclaveException>(() => CpuList.Parse(text));
        Assert.Equal((failure, code), (exception.Failure, exception.NitroCliCode));
    }

    [Fact]
    public void A_list_reads_back_as_it_was_written() =>
        Prop.ForAll<ushort[]>(numbers =>
        {
            var cpus = numbers.Select(number => number % (CpuList.MaximumCpu + 1)).Distinct().Order().ToArray();
            return CpuList.Parse(CpuList.Format(numbers.Select(number => number % (CpuList.MaximumCpu + 1)))).SequenceEqual(cpus);
        }).QuickCheckThrowOnFailure();
}
