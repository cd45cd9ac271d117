using System.Globalization;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>A test's own parent instance: the stand-in, the huge pages that it has, and the registry of the commands that are run on it.</summary>
sealed class InterceptedHost : IAsyncDisposable
{
    /// <summary>Memory of an enclave: the least that the driver takes, and enough for the image of <c>Guests/vsock.c</c>.</summary>
    public const int MemoryMiB = 64;

    /// <summary>That memory in pages.</summary>
    public const int PagesOfEnclave = MemoryMiB / 2;

    readonly HugePageAllowance _pages;

    InterceptedHost(HugePageAllowance pages, InterceptedParent parent) => (_pages, Parent) = (pages, parent);

    public InterceptedParent Parent { get; }

    public EnclaveHost Host { get; } = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Sets a parent up.</summary>
    /// <param name="pages">Its huge pages.</param>
    /// <param name="parent">Makes it.</param>
    public static async Task<InterceptedHost> CreateAsync(long pages, Func<InterceptedParent> parent) =>
        new(await HugePageAllowance.TakeAsync(pages), parent());

    /// <summary>Sets a parent up.</summary>
    /// <param name="pages">Its huge pages.</param>
    /// <param name="cores">Its cores, of which enclaves may have all but one.</param>
    public static Task<InterceptedHost> CreateAsync(long pages, int cores) =>
        CreateAsync(pages, () => new InterceptedParent(new ParentTopology((uint)cores)));

    /// <summary>The arguments that start an enclave with one core.</summary>
    public static string[] Start(GuestImage image, params string[] more) =>
        ["run-enclave", "--engine", "nitro", "--eif-path", image.Path, "--cpu-count", "2", "--memory", $"{MemoryMiB}", "--boot-timeout", "900", .. more];

    /// <summary>How often a test does what it does: as often as a variable says.</summary>
    public static int Wanted(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) ? wanted : otherwise;

    /// <summary>Runs any program to its end.</summary>
    public Task<ToolResult> RunAsync(params IReadOnlyList<string> command) => Parent.RunAsync(Host.Environment, command);

    /// <summary>Runs the command, however it ends.</summary>
    public Task<ToolResult> NitroAsync(params IReadOnlyList<string> arguments) => RunAsync([Checkout.BuiltCommand, .. arguments]);

    /// <summary>Runs the command, which has to succeed; returns what it printed.</summary>
    public async Task<string> SucceedsAsync(params IReadOnlyList<string> arguments)
    {
        var result = await NitroAsync(arguments);
        Assert.True(result.ExitCode == 0, $"nitro {string.Join(' ', arguments)}: {result}\n{Parent.Faults}");
        return result.Output.Trim();
    }

    /// <summary>
    /// Waits until the hypervisor has no slot and runs nothing, all huge pages are free and no socket is left; then nobody may have a CPU of the
    /// pool, and no process or file may be left either.
    /// </summary>
    public async Task AssertNothingLeftAsync()
    {
        while (!Parent.Hypervisor.IsIdle || HugePageAllowance.FreeNow != _pages.FreeAtFirst
            || (await File.ReadAllTextAsync("/proc/net/unix", Cancellation)).Contains(Parent.Name, StringComparison.Ordinal))
        {
            await Task.Delay(20, Cancellation);
        }

        Assert.Equal(Parent.Driver.Pool.Cpus, Parent.Driver.FreeCpus);
        await Host.AssertNothingLeftAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        await Parent.DisposeAsync();
        _pages.Dispose();
    }
}
