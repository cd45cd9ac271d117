using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class EnclaveOptionsTests
{
    const ulong MiB = 1024 * 1024;

    public static TheoryData<string, EnclaveFailure, EnclaveOptions> Broken => new()
    {
        { "no source", EnclaveFailure.MissingArgument, Samples.Options with { EifPath = null } },
        { "image and kernel", EnclaveFailure.ConflictingArgument, Samples.Options with { KernelPath = "bzImage", InitrdPaths = ["initrd"] } },
        { "image and command line", EnclaveFailure.ConflictingArgument, Samples.Options with { CommandLine = "quiet" } },
        { "kernel without ramdisk", EnclaveFailure.MissingArgument, Samples.Options with { EifPath = null, KernelPath = "bzImage" } },
        { "image and folder", EnclaveFailure.ConflictingArgument, Folder with { EifPath = "image.eif" } },
        { "kernel and folder", EnclaveFailure.ConflictingArgument, Folder with { KernelPath = "bzImage", InitrdPaths = ["initrd"] } },
        { "folder for another engine", EnclaveFailure.ConflictingArgument, Folder with { Engine = EngineChoice.Auto } },
        { "folder that would have to be measured", EnclaveFailure.ConflictingArgument, Folder with { DebugMode = false } },
        { "folder without a program", EnclaveFailure.MissingArgument, WithProgram(new ProgramDescription { Command = [] }) },
        { "program with a line feed", EnclaveFailure.InvalidArgument, WithProgram(new ProgramDescription { Command = ["/bin/a\nb"] }) },
        { "variable without a name", EnclaveFailure.InvalidArgument, WithProgram(new ProgramDescription { Command = ["a"], Environment = ["=b"] }) },
        { "relative working directory", EnclaveFailure.InvalidArgument, WithProgram(new ProgramDescription { Command = ["a"], WorkingDirectory = "srv" }) },
        { "empty user", EnclaveFailure.InvalidArgument, WithProgram(new ProgramDescription { Command = ["a"], User = "" }) },
        { "no memory", EnclaveFailure.InsufficientMemoryRequested, Samples.Options with { MemoryMiB = 0 } },
        { "no CPUs", EnclaveFailure.MissingArgument, Samples.Options with { CpuCount = null } },
        { "two ways of CPUs", EnclaveFailure.ConflictingArgument, Samples.Options with { CpuIds = [1, 2] } },
        { "zero CPUs", EnclaveFailure.InvalidArgument, Samples.Options with { CpuCount = 0 } },
        { "empty CPU list", EnclaveFailure.InvalidArgument, Samples.Options with { CpuCount = null, CpuIds = [] } },
        { "CPU twice", EnclaveFailure.InvalidCpuConfiguration, Samples.Options with { CpuCount = null, CpuIds = [1, 2, 1] } },
        { "too many CPUs", EnclaveFailure.InsufficientCpus, Samples.Options with { CpuCount = 256 } },
        { "CID 1", EnclaveFailure.InvalidArgument, Samples.Options with { EnclaveCid = 1 } },
        { "CID 2", EnclaveFailure.InvalidArgument, Samples.Options with { EnclaveCid = 2 } },
        { "CID 3", EnclaveFailure.InvalidArgument, Samples.Options with { EnclaveCid = 3 } },
        { "CID any", EnclaveFailure.InvalidArgument, Samples.Options with { EnclaveCid = uint.MaxValue } },
        { "CID of 33 bits", EnclaveFailure.InvalidArgument, Samples.Options with { EnclaveCid = 1UL << 32 } },
        { "empty name", EnclaveFailure.InvalidArgument, Samples.Options with { Name = "" } },
        { "name with a line feed", EnclaveFailure.InvalidArgument, Samples.Options with { Name = "a\nb" } },
        { "parent id", EnclaveFailure.InvalidArgument, Samples.Options with { ParentInstanceId = "i-123" } },
        { "module id", EnclaveFailure.InvalidArgument, Samples.Options with { ModuleId = "enclave" } },
        { "another parent's module id", EnclaveFailure.ConflictingArgument, Samples.Options with { ModuleId = "i-0123456789abcdef1-enc0000000000000001" } },
        { "empty role", EnclaveFailure.InvalidArgument, Samples.Options with { ParentRoleArn = "" } },
        { "no boot time", EnclaveFailure.InvalidArgument, Samples.Options with { BootTimeout = TimeSpan.Zero } },
    };

    static EnclaveOptions Folder => WithProgram(new ProgramDescription { Command = ["/bin/app"] });

    [Fact]
    public void The_samples_break_no_rule()
    {
        Samples.Options.Validate();
        Folder.Validate();
        Assert.Equal("app", Folder.RequestedName);
    }

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_broken_rule_has_its_reason(string rule, EnclaveFailure failure, EnclaveOptions options)
    {
        Assert.NotEmpty(rule);
        Assert.Equal(failure, Assert.Throws<EnclaveException>(options.Validate).Failure);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(4UL)]
    [InlineData(16UL)]
    [InlineData(0xfffffffeUL)]
    public void Other_CIDs_may_be_asked_for(ulong cid) => (Samples.Options with { EnclaveCid = cid }).Validate();

    [Theory]
    [InlineData(64, 16 * MiB, true)]
    [InlineData(63, 16 * MiB, false)]
    [InlineData(64, (16 * MiB) + 1, false)]
    [InlineData(1, MiB / 4, true)]
    [InlineData(ulong.MaxValue, long.MaxValue, true)]
    public void Memory_is_at_least_four_times_the_image(ulong memoryMiB, ulong imageLength, bool enough)
    {
        var options = Samples.Options with { MemoryMiB = memoryMiB };
        var refusal = Record.Exception(() => options.ValidateMemory((long)imageLength)) as EnclaveException;
        Assert.Equal(enough, refusal is null);
        if (refusal is not null)
        {
            Assert.Equal((EnclaveFailure.InsufficientMemoryRequested, 26), (refusal.Failure, refusal.NitroCliCode));
        }
    }

    [Fact]
    public void The_refusal_names_the_least_memory_in_whole_mebibytes_of_image() => Assert.Contains(
        "at least 68 MiB", Assert.Throws<EnclaveException>(() => (Samples.Options with { MemoryMiB = 64 }).ValidateMemory((long)(16 * MiB) + 1)).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("/images/hello.eif", null, "hello")]
    [InlineData("hello.eif.eif", null, "hello")]
    [InlineData("/images/hello", null, "hello")]
    [InlineData("/images/hello.eif", "other.eif", "other.eif")]
    public void The_name_comes_from_the_image(string path, string? given, string expected) =>
        Assert.Equal(expected, (Samples.Options with { EifPath = path, Name = given }).RequestedName);

    [Theory]
    [InlineData(2, 32, 180)]
    [InlineData(6, 32, 180)]
    [InlineData(10, 32, 270)]
    [InlineData(2, 128, 270)]
    [InlineData(6, 128, 270)]
    [InlineData(10, 128, 360)]
    public void The_boot_timeout_is_nitro_clis(long imageGiB, ulong memoryGiB, double seconds) =>
        Assert.Equal(seconds, EnclaveBootTimeout.For(imageGiB << 30, memoryGiB << 10).TotalSeconds);

    [Fact]
    public void Sizes_without_sense_have_a_boot_timeout_too()
    {
        Assert.Equal(TimeSpan.FromSeconds(180), EnclaveBootTimeout.For(0, 0));
        Assert.Equal(TimeSpan.FromHours(36), EnclaveBootTimeout.For(long.MaxValue, ulong.MaxValue));
    }

    static EnclaveOptions WithProgram(ProgramDescription program) => Samples.Options with
    {
        EifPath = null,
        Name = null,
        Engine = EngineChoice.Process,
        DebugMode = true,
        RootFolder = new RootFolder { Path = "/srv/app/", Program = program },
    };
}
