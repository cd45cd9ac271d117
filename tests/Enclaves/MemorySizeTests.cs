namespace NitroEnclaves.Enclaves.Tests;

public sealed class MemorySizeTests
{
    [Theory]
    [InlineData("512", 512)]
    [InlineData("512M", 512)]
    [InlineData("512m", 512)]
    [InlineData("2G", 2048)]
    [InlineData("2g", 2048)]
    [InlineData("1T", 1048576)]
    [InlineData("1t", 1048576)]
    [InlineData("0", 0)]
    public void Digits_and_a_unit_give_mebibytes(string text, ulong expected) => Assert.Equal(expected, MemorySize.ParseMiB(text));

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("12K")]
    [InlineData("12MB")]
    [InlineData("1.5G")]
    [InlineData("-1")]
    [InlineData(" 1")]
    [InlineData("18446744073709551616")]
    [InlineData("18014398509481984T")]
    public void Anything_else_is_an_invalid_argument(string text) =>
        Assert.Equal(EnclaveFailure.InvalidArgument, Assert.Throws<EnclaveException>(() => MemorySize.ParseMiB(text)).Failure);
}
