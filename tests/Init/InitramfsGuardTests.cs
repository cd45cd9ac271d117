namespace NitroEnclaves.Init.Tests;

public sealed class InitramfsGuardTests
{
    const long Ext4 = 0xEF53;
    const long Overlay = 0x794C7630;

    [Theory]
    [InlineData(Interop.RAMFS_MAGIC)]
    [InlineData(Interop.TMPFS_MAGIC)]
    public void Process_1_on_an_initramfs_may_run(long rootFileSystem) =>
        Assert.Null(InitramfsGuard.Refusal(processId: 1, rootFileSystem));

    [Theory]
    [InlineData(Ext4)]
    [InlineData(Overlay)]
    [InlineData(0L)]
    public void Process_1_of_a_container_or_a_machine_may_not(long rootFileSystem) =>
        Assert.Contains("no initramfs", InitramfsGuard.Refusal(processId: 1, rootFileSystem), StringComparison.Ordinal);

    [Fact]
    public void Any_other_process_may_not() =>
        Assert.Contains("process 4711", InitramfsGuard.Refusal(processId: 4711, Interop.TMPFS_MAGIC), StringComparison.Ordinal);

    [Fact]
    public void This_test_program_may_not() => Assert.NotNull(InitramfsGuard.Refusal());
}
