using NitroEnclaves.Vsock;

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
    public EngineAvailability Probe() => File.Exists(NitroDevice.DefaultPath)
        ? new EngineAvailability(Name, true, $"{NitroDevice.DefaultPath} is there: the hypervisor runs the enclave.")
        : new EngineAvailability(Name, false, $"{NitroDevice.DefaultPath} is not there: this is no EC2 instance with enclaves enabled, or its driver is not loaded.");

    /// <inheritdoc/>
    /// <remarks>Takes a slot of the hypervisor, by whose number the enclave's id is made, after the CPUs have been found to be in the pool.</remarks>
    public ulong? Reserve(EnclaveOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _parent.ReadPool().Choose(options);
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
            var pool = _parent.ReadPool();
            var node = _parent.NodeOf(pool);
            memory = EnclaveMemory.Take(launch.MemoryMiB << 20, _parent.FreePages(node), size => _parent.MapPage(size, node));
            await Task.Run(() => memory.Load(launch.RequireImage(), slot.GetImageOffset(), cancellationToken), cancellationToken).ConfigureAwait(false);
            foreach (var region in memory.Regions)
            {
                slot.AddMemory(region.Address, region.Length);
            }

            uint[] cpus = [.. Enumerable.Range(0, launch.VcpuCount).Select(index => slot.AddCpu(launch.CpuIds is { } ids ? ids[index] : 0)).Order()];
            // Before the start: the enclave may say that it is ready at any moment after it.
            heartbeat = _parent.ListenForHeartbeat(launch.Cid, Path.GetDirectoryName(launch.VsockPath)!);
            await heartbeat.Listening.WaitAsync(cancellationToken).ConfigureAwait(false);
            slot.Start(launch.DebugMode, launch.Cid);
            return new NitroEnclave(slot, memory, heartbeat, launch.DebugMode ? _parent.Connector : null, launch, cpus);
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
}
