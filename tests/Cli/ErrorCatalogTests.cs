using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Tests;

public sealed class ErrorCatalogTests
{
    [Fact]
    public void The_codes_are_those_of_nitro_cli_in_order()
    {
        Assert.Equal(Enumerable.Range(0, 61), ErrorCatalog.All.Select(code => code.Number));
        Assert.Equal(61, ErrorCatalog.All.Select(code => code.Name).Distinct().Count());
        Assert.Equal("InsufficientMemoryRequested", ErrorCatalog.Find(26)!.Name);
        Assert.Equal("EnclaveBootFailure", ErrorCatalog.Find(36)!.Name);
        Assert.Equal("EIFSigningError", ErrorCatalog.Find(60)!.Name);
    }

    [Fact]
    public void Every_code_says_what_it_means_and_what_to_do()
    {
        Assert.All(ErrorCatalog.All, code =>
        {
            Assert.EndsWith(".", code.Meaning, StringComparison.Ordinal);
            Assert.EndsWith(".", code.NextStep, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("E26", 26)]
    [InlineData("e07", 7)]
    [InlineData("0", 0)]
    [InlineData("E61", null)]
    [InlineData("E-1", null)]
    [InlineData("banana", null)]
    [InlineData("", null)]
    public void A_code_is_found_however_it_is_written(string text, int? number) => Assert.Equal(number, ErrorCatalog.Find(text)?.Number);

    [Fact]
    public void Every_failure_of_an_enclave_has_a_code_of_the_catalog()
    {
        Assert.All(Enum.GetValues<EnclaveFailure>(), failure => Assert.NotNull(ErrorCatalog.Find(new EnclaveException(failure, "x").NitroCliCode)));
    }
}
