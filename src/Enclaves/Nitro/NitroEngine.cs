using System.Runtime.InteropServices;
using NitroEnclaves.Images;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Runs enclaves on a parent EC2 instance, through AWS's driver (eif-and-nitro-cli 3.6, 3.7). It is tested with that
/// driver in an emulated parent machine, and against a stand-in that enforces its rules; it has not been run on a real instance yet.
/// </summary>
public sealed class NitroEngine : IEnclaveEngine
{
    readonly NitroDriver _driver;
    readonly NitroParent _parent;
    NitroSlot? _reserved;

    /// <summary>Creates the engine for this machine.</summary>
    public NitroEngine()
        : this(new NitroDevice(), NitroParent.Machine)
    {
    }

    internal NitroEngine(NitroDriver driver, NitroParent parent) => (_driver, _parent) = (driver, parent);

    /// <inheritdoc/>
    public string Name => "nitro";

    /// <inheritdoc/>
    public bool HasNsm => true;

    /// <inheritdoc/>
    public EngineAvailability Probe() => File.Exists(NitroDevice.DefaultPath)
        ? new EngineAvailability(Name, true, $"{NitroDevice.DefaultPath} is there: the hypervisor runs the enclave.")
        : new EngineAvailability(Name, false, $"{NitroDevice.DefaultPath} is not there: this is no EC2 instance with enclaves enabled, or its driver is not loaded.");

    /// <inheritdoc/>
    /// <remarks>
    /// Takes a slot of the hypervisor, by whose number the enclave's id is made, after the CPUs have been found to be in the pool and the memory
    /// to be free: until then nothing is allocated.
    /// </remarks>
    public ulong? Reserve(EnclaveOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var pool = _parent.ReadPool();
        pool.Choose(options);
        EnclaveMemory.Plan(Bytes(options.MemoryMiB), _parent.FreePages(pool.Node));
        _reserved?.Dispose();
        _reserved = _driver.CreateEnclave();
        return _reserved.Number;
    }

    /// <inheritdoc/>
    public async Task<IRunningEnclave> StartAsync(EnclaveLaunch launch, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(launch);
        var slot = Interlocked.Exchange(ref _reserved, null) ?? _driver.CreateEnclave();
        EnclaveMemory? memory = null;
        HeartbeatPort? heartbeat = null;
        try
        {
            var image = launch.RequireImage();
            RefuseOtherArchitectures(image.Architecture);
            var pool = _parent.ReadPool();
            // Before the memory: CPUs that other enclaves have are refused before any page is taken.
            uint[] cpus = [.. Enumerable.Range(0, launch.VcpuCount).Select(index => slot.AddCpu(launch.CpuIds is { } ids ? ids[index] : 0)).Order()];
            memory = EnclaveMemory.Take(Bytes(launch.MemoryMiB), _parent.FreePages(pool.Node), size => _parent.MapPage(size, pool.Node));
            await Task.Run(() => memory.Load(image, slot.GetImageOffset(), cancellationToken), cancellationToken).ConfigureAwait(false);
            foreach (var region in memory.Regions)
            {
                slot.AddMemory(region.Address, region.Length);
            }

            // Before the start: the enclave may say that it is ready at any moment after it.
            heartbeat = _parent.ListenForHeartbeat(launch.Cid, Path.GetDirectoryName(launch.VsockPath)!, ReportsEnd(image));
            await heartbeat.Listening.WaitAsync(cancellationToken).ConfigureAwait(false);
            slot.Start(launch.DebugMode, launch.Cid);
            return new NitroEnclave(slot, memory, heartbeat, launch.DebugMode ? _parent : null, launch, cpus);
        }
        catch (Exception exception)
        {
            slot.Dispose();
            memory?.Dispose();
            if (heartbeat is not null)
            {
                await heartbeat.DisposeAsync().ConfigureAwait(false);
            }

            if (exception is IOException)
            {
                throw new EnclaveException(EnclaveFailure.FileOperation, $"The image cannot be read: {exception.Message}", exception);
            }

            throw;
        }
    }

    // More than there can be stays more than there can be.
    static ulong Bytes(ulong mebibytes) => mebibytes > ulong.MaxValue >> 20 ? ulong.MaxValue : mebibytes << 20;

    // nitro-init says at the end how it came; the init of nitro-cli's images says only that it is ready.
    static bool ReportsEnd(EifFile image) => image.Metadata?.BuildTool != "nitro-cli";

    static void RefuseOtherArchitectures(EifArchitecture architecture)
    {
        var machine = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? EifArchitecture.Arm64 : EifArchitecture.X64;
        if (architecture != machine)
        {
            throw new EnclaveException(
                EnclaveFailure.InvalidImage,
                $"The image is for {(architecture == EifArchitecture.Arm64 ? "aarch64" : "x86_64")}, and this machine is not: build one with --arch {(machine == EifArchitecture.Arm64 ? "aarch64" : "x86_64")}.");
        }
    }
}
