using NitroEnclaves.Tests;

namespace NitroEnclaves.Hosting.Tests;

/// <summary>The public surface as a file, so that a change of it is seen in review.</summary>
public sealed class PublicApiTests
{
    [Fact]
    public void The_public_surface_is_the_one_on_file()
    {
        var actual = ApiText.Of(typeof(EnclaveGuard).Assembly);
        var received = Path.Combine(AppContext.BaseDirectory, "PublicApi.txt");
        File.WriteAllText(received, actual);
        var expected = File.ReadAllText(Path.Combine(TestVectors.Root, "tests", "Hosting", "PublicApi.txt"));
        Assert.True(expected == actual, $"The public API has changed. If that is meant, copy {received} to tests/Hosting/PublicApi.txt.");
    }
}
