namespace NitroEnclaves.Init.Tests;

public sealed class KernelModulesTests
{
    [Fact]
    public void Modules_load_by_name_and_then_the_single_one_of_AWS()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in new[] { "nsm.ko", "modules/10-c.ko", "modules/02-b.ko", "modules/01-z.ko", "modules/README", "modules/03-old.koala" })
        {
            folder.Write(name, "");
        }

        Assert.Equal(
            ["modules/01-z.ko", "modules/02-b.ko", "modules/10-c.ko", "nsm.ko"],
            KernelModules.Find(folder.Path).Select(path => Path.GetRelativePath(folder.Path, path)));
    }

    [Fact]
    public void A_kernel_with_everything_built_in_brings_none()
    {
        using var folder = new TemporaryFolder();
        Assert.Empty(KernelModules.Find(folder.Path));
    }
}
