using NitroEnclaves.Tests;

namespace NitroEnclaves.Kms.Emulator.Tests;

/// <summary>The public surface as a file, so that a change of it is seen in review.</summary>
public sealed class PublicApiTests
{
    [Fact]
    public void The_public_surface_is_the_one_on_file()
    {
        var actual = ApiText.Of(typeof(KmsEmulator).Assembly);
        var received = Path.Combine(AppContext.BaseDirectory, "PublicApi.txt");
        File.WriteAllText(received, actual);
        var expected = File.ReadAllText(Path.Combine(TestVectors.Root, "tests", "Kms.Emulator", "PublicApi.txt"));
        Assert.True(expected == actual, $"The public API has changed. If that is meant, copy {received} to tests/Kms.Emulator/PublicApi.txt.");
    }
}
