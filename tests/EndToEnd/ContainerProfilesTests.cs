using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// The process engine in containers as Docker and Podman make them by default, imitated with crun and the profiles that both publish: it
/// works, or says in one sentence what is missing.
/// </summary>
public sealed class ContainerProfilesTests
{
    const string Refusal =
        "The process engine cannot run here: user namespaces are refused, as in Docker's containers by default; start the container with "
        + "--security-opt seccomp=packaging/docker/seccomp.json (docs/engines.md), or use the qemu engine.";

    [Fact(Timeout = 180_000)]
    public async Task Dockers_default_gets_one_clear_sentence()
    {
        var container = new Container(Path.Combine(await ForeignParts.BringAsync("crun"), "docker.json"), Container.DockerCapabilities);
        Assert.Contains(Refusal, (await container.RunAsync(Checkout.BuiltCommand, "doctor")).Output, StringComparison.Ordinal);
        var run = await RunEnclaveAsync(container);
        Assert.Equal(("", $"[ E19 ] {Refusal}"), (run.Output, run.Error.Split('\n')[^2]));
    }

    [Fact(Timeout = 180_000)]
    public async Task Podmans_default_gets_an_enclave() =>
        await AssertRunsAsync(new Container(Path.Combine(await ForeignParts.BringAsync("crun"), "podman.json"), Container.PodmanCapabilities));

    [Fact(Timeout = 180_000)]
    public async Task Docker_with_the_profile_that_we_ship_gets_an_enclave()
    {
        await ForeignParts.BringAsync("crun");
        await AssertRunsAsync(new Container(Checkout.In("packaging", "docker", "seccomp.json"), Container.DockerCapabilities));
    }

    static async Task AssertRunsAsync(Container container)
    {
        var run = await RunEnclaveAsync(container);
        Assert.True(run.Output.EndsWith("own CID: 16\r\n", StringComparison.Ordinal), $"{run.Output}{run.Error}");
    }

    static async Task<ToolResult> RunEnclaveAsync(Container container)
    {
        const string Program = "/bin/go-vsock";
        var image = GuestImage.Build("contained", await ForeignParts.RootForAsync(Program), new ProgramDescription { Command = [Program, "id"] });
        return await container.RunAsync(
            Checkout.BuiltCommand, "run-enclave", "--engine", "process", "--eif-path", image.Path, "--memory", "256", "--cpu-count", "1", "--attach-console");
    }
}
