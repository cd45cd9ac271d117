namespace NitroEnclaves.Enclaves.Tests;

public sealed class QemuMachineTests
{
    static readonly QemuMachine s_machine = new()
    {
        Name = "i-0123456789abcdef0-enc0000000000000001",
        Accelerator = Accelerator.Tcg,
        Discovery = DeviceDiscovery.Acpi,
        CommandLine = "console=ttyS0, a,b",
        MemoryMiB = 300,
        VcpuCount = 3,
    };

    [Fact]
    public void The_machine_has_what_was_asked_for()
    {
        var line = string.Join(' ', s_machine.Arguments());
        Assert.Contains("-M microvm,acpi=on,rtc=on,memory-backend=mem ", line, StringComparison.Ordinal);
        Assert.Contains("-object memory-backend-memfd,id=mem,size=300M,share=on -m 300M -smp 3 -accel tcg", line, StringComparison.Ordinal);
        Assert.Contains(" -no-reboot ", line, StringComparison.Ordinal);
        Assert.Contains(" -sandbox on,", line, StringComparison.Ordinal);
        Assert.Contains("virtio-id=33,num_vqs=1", line, StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_line_is_one_argument_as_it_is()
    {
        var arguments = s_machine.Arguments().ToList();
        Assert.Equal("console=ttyS0, a,b", arguments[arguments.IndexOf("-append") + 1]);
    }

    [Fact]
    public void Kernels_without_ACPI_get_their_devices_on_the_command_line() =>
        Assert.Contains("microvm,acpi=off,rtc=on,memory-backend=mem", (s_machine with { Discovery = DeviceDiscovery.CommandLine }).Arguments());

    [Fact]
    public void KVM_has_the_hosts_processor()
    {
        var line = string.Join(' ', (s_machine with { Accelerator = Accelerator.Kvm }).Arguments());
        Assert.Contains("-accel kvm -cpu host", line, StringComparison.Ordinal);
        Assert.DoesNotContain("tcg", line, StringComparison.Ordinal);
    }

    const string Debian = "6.12.95+deb13-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP";
    const string Amazon = "4.14.256-209.484.amzn2.x86_64 (mockbuild@ip-10-0-1-1) #1 SMP";
    const string AwsLine = "reboot=k panic=30 pci=off nomodules console=ttyS0";

    [Theory]
    [InlineData(Debian, false, "console=ttyS0", nameof(DeviceDiscovery.Acpi))]
    [InlineData(Debian, false, AwsLine, nameof(DeviceDiscovery.Acpi))]
    [InlineData(Debian, null, AwsLine, nameof(DeviceDiscovery.Acpi))]
    [InlineData(Debian, null, "acpi=off", nameof(DeviceDiscovery.CommandLine))]
    [InlineData(Debian, false, "quiet acpi=off", nameof(DeviceDiscovery.CommandLine))]
    [InlineData(Amazon, true, AwsLine, nameof(DeviceDiscovery.CommandLine))]
    [InlineData(Amazon, null, "console=ttyS0", nameof(DeviceDiscovery.CommandLine))]
    [InlineData("6.12.95 (somebody@somewhere)", true, "console=ttyS0", nameof(DeviceDiscovery.CommandLine))]
    [InlineData("6.12.95 (somebody@somewhere)", false, "console=ttyS0 pci=off", nameof(DeviceDiscovery.Acpi))]
    [InlineData("", null, AwsLine, nameof(DeviceDiscovery.CommandLine))]
    [InlineData("", null, "console=ttyS0", nameof(DeviceDiscovery.Acpi))]
    [InlineData("", null, "nacpi=off xpci=off", nameof(DeviceDiscovery.Acpi))]
    public void Devices_are_found_in_the_kernels_own_way(string version, bool? fromCommandLine, string commandLine, string expected) =>
        Assert.Equal(expected, new GuestKernel(version, fromCommandLine).Discovery(commandLine).ToString());

    [Theory]
    [InlineData("console=ttyS0", 2596122u, "console=ttyS0 tsc=reliable tsc_early_khz=2596122 cryptomgr.notests=1 no_timer_check")]
    [InlineData("console=ttyS0", null, "console=ttyS0 cryptomgr.notests=1 no_timer_check")]
    [InlineData("", null, "cryptomgr.notests=1 no_timer_check")]
    public void What_emulation_needs_is_appended(string measured, uint? kilohertz, string expected) =>
        Assert.Equal(expected, EmulationCommandLine.Append(measured, kilohertz));

    [Fact]
    public void The_time_stamp_counter_has_the_frequency_that_a_clock_gives_it()
    {
        Assert.SkipUnless(System.Runtime.Intrinsics.X86.X86Base.X64.IsSupported, "Only x86-64 has this counter.");
        Assert.InRange(TimeStampCounter.Kilohertz ?? 0, 100_000u, 20_000_000u);
    }
}
