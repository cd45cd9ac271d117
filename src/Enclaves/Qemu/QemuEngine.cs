using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Runs enclaves under QEMU with our own NSM and vsock devices, which it reaches over vhost-user. Instructions are executed by KVM where a
/// probe guest passes, else translated.
/// </summary>
public sealed class QemuEngine : IEnclaveEngine
{
    readonly KvmAvailability _kvm;
    readonly QemuInstallation? _installation;
    readonly string _reason;

    /// <summary>Creates the engine.</summary>
    /// <param name="path">The QEMU to use; null takes the one in the cache folder, then the one on <c>PATH</c>.</param>
    public QemuEngine(string? path = null)
        : this(path, KvmAvailability.OfThisMachine())
    {
    }

    internal QemuEngine(string? path, KvmAvailability kvm)
    {
        _kvm = kvm;
        _installation = QemuInstallation.Find(path, out _reason);
    }

    /// <summary>How kernels are to find their devices; null leaves that to what is known of the kernel. Some know both ways.</summary>
    internal DeviceDiscovery? Discovery { get; init; }

    /// <inheritdoc/>
    public string Name => "qemu";

    /// <inheritdoc/>
    public EngineAvailability Probe()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            return new EngineAvailability(Name, false, $"The qemu engine emulates x86-64 enclaves and needs an x86-64 machine; this one is {RuntimeInformation.ProcessArchitecture}.");
        }

        return _installation is { } installation
            ? new EngineAvailability(Name, true, $"QEMU {installation.Version} runs the enclave with {(_kvm.IsUsable ? "KVM" : "TCG")}. {_kvm.Explanation}")
            : new EngineAvailability(Name, false, _reason);
    }

    /// <inheritdoc/>
    public async Task<IRunningEnclave> StartAsync(EnclaveLaunch launch, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(launch);
        var installation = _installation ?? throw new EnclaveException(EnclaveFailure.EngineUnavailable, _reason);
        var image = launch.RequireImage();
        if (image.Architecture != EifArchitecture.X64)
        {
            throw new EnclaveException(EnclaveFailure.InvalidImage, $"The image is for {image.Architecture}; the qemu engine runs x86-64 images.");
        }

        CheckCpus(launch.CpuIds);
        HostMemory.Check(launch.MemoryMiB);
        using var files = await Task.Run(() => QemuBootFiles.Prepare(image, cancellationToken), cancellationToken).ConfigureAwait(false);
        var machine = new QemuMachine
        {
            Name = launch.Id,
            Accelerator = _kvm.IsUsable ? Accelerator.Kvm : Accelerator.Tcg,
            Discovery = Discovery ?? files.Kernel.Discovery(image.CommandLine),
            CommandLine = EmulationCommandLine.Append(image.CommandLine, TimeStampCounter.Kilohertz),
            MemoryMiB = launch.MemoryMiB,
            VcpuCount = launch.VcpuCount,
        };
        return QemuEnclave.Start(installation, machine, files, launch);
    }

    static void CheckCpus(IReadOnlyList<uint>? ids)
    {
        foreach (var id in ids ?? [])
        {
            if (!Directory.Exists($"/sys/devices/system/cpu/cpu{id}"))
            {
                throw new EnclaveException(EnclaveFailure.NoSuchCpu, $"This machine has no CPU {id}.");
            }
        }
    }
}
