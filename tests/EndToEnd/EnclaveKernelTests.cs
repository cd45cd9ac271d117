using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The enclave kernel finds its devices in either way: as on Nitro, where there is neither ACPI nor PCI, and by ACPI.</summary>
public sealed class EnclaveKernelTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Devices_are_found_by_the_command_line_and_by_ACPI(bool acpi)
    {
        using var root = GuestImage.RootOf(GuestParts.Compile("probe"));
        await using var guest = await Guest.StartAsync(
            new EifBuilder
            {
                Kernel = EifSectionContent.FromFile(GuestParts.Kernel(KernelKind.Enclave)),
                CommandLine = EnclaveImageBuilder.DefaultCommandLine,
                Ramdisks =
                [
                    new InitRamdisk { Init = FileContent.FromFile(GuestParts.NitroInit) },
                    new ApplicationRamdisk { RootFileSystem = root, Program = new ProgramDescription { Command = [GuestImage.ProgramPath, "exit", "5"] } },
                ],
                Metadata = Guest.Metadata,
            },
            new QemuEngine { Discovery = acpi ? DeviceDiscovery.Acpi : DeviceDiscovery.CommandLine });
        await guest.AnswerReadyByteAsync();
        Assert.Equal([0xEE, 0, 5, 0, 0, 0], await guest.TakeEndReportAsync());
        await guest.WaitForEndAsync();

        var commandLine = guest.Console.Split('\n').Single(line => line.Contains("Kernel command line: ", StringComparison.Ordinal));
        Assert.Equal(!acpi, commandLine.Contains(" virtio_mmio.device=", StringComparison.Ordinal));
        Assert.Equal(acpi, guest.Console.Contains("ACPI: RSDP ", StringComparison.Ordinal));
        Assert.Contains("/dev/nsm 666", guest.Lines("file"));
        Assert.Contains("/dev/vsock 600", guest.Lines("file"));
        Assert.Equal(["nsm-hwrng"], guest.Lines("random"));
    }
}
