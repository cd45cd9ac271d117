using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>An enclave that does not come up is one clear error with the end of its console, and nothing that stays.</summary>
public sealed class FailingBootTests
{
    // After a panic the kernel waits as long as panic= says, half a minute with the ordinary line.
    const string CommandLine = "reboot=k panic=1 console=ttyS0 random.trust_cpu=off random.trust_bootloader=off";

    [Fact(Timeout = 180_000)]
    public async Task An_init_that_gives_up()
    {
        var init = FileContent.FromFile(await GuestPrograms.CompileAsync("failing-init"));
        var failure = await FailAsync(GuestImage.Build("failing-init", KernelKind.Enclave, CommandLine, new InitRamdisk { Init = init }, await ProgramAsync()));
        Assert.Contains("ended before its heartbeat", failure.Message, StringComparison.Ordinal);
        Assert.Contains("Attempted to kill init", failure.ConsoleTail, StringComparison.Ordinal);
    }

    [Fact(Timeout = 180_000)]
    public async Task A_ramdisk_that_is_cut_off()
    {
        using var whole = new MemoryStream();
        new InitRamdisk { Init = FileContent.FromFile(Checkout.Init) }.WriteTo(whole, TestContext.Current.CancellationToken);
        // In the middle of init: what the kernel takes for its second half is the other ramdisk.
        var half = EifSectionContent.FromMemory(whole.GetBuffer().AsMemory(0, (int)whole.Length / 2));
        var failure = await FailAsync(GuestImage.Build("cut-ramdisk", KernelKind.Enclave, CommandLine, half, await ProgramAsync()));
        Assert.Contains("Kernel panic", failure.ConsoleTail, StringComparison.Ordinal);
    }

    [Fact(Timeout = 180_000)]
    public async Task Too_little_memory()
    {
        var init = new InitRamdisk { Init = FileContent.FromFile(Checkout.Init), Modules = GuestParts.Modules(KernelKind.Debian) };
        var image = GuestImage.Build("small", KernelKind.Debian, CommandLine, init, await ProgramAsync());
        var least = (ulong)(4 * new FileInfo(image.Path).Length / (1 << 20)) + 1;
        Assert.True(least <= 72, $"The image has grown: {least} MiB are enough for it to boot.");
        // The kernel runs out of it before it has a console to say so.
        Assert.Contains("heartbeat", (await FailAsync(image, least, TimeSpan.FromSeconds(20))).Message, StringComparison.Ordinal);
    }

    static async Task<EnclaveException> FailAsync(GuestImage image, ulong memoryMiB = 256, TimeSpan? patience = null)
    {
        await using var host = new EnclaveHost();
        var options = host.Options(image.Path) with { MemoryMiB = memoryMiB, BootTimeout = patience ?? TimeSpan.FromSeconds(90) };
        var failure = await Assert.ThrowsAsync<EnclaveException>(() => host.StartAsync(options));
        Assert.Equal((EnclaveFailure.BootFailure, 36), (failure.Failure, failure.NitroCliCode));
        await host.AssertNothingLeftAsync();
        return failure;
    }

    static async Task<ApplicationRamdisk> ProgramAsync() => new()
    {
        RootFileSystem = GuestImage.RootOf(await GuestPrograms.CompileAsync("vsock")),
        Program = new ProgramDescription { Command = [GuestImage.ProgramPath] },
    };
}
