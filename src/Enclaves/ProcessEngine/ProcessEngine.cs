namespace NitroEnclaves.Enclaves;

/// <summary>
/// Runs an enclave's programs as processes of this machine, in namespaces of their own, with the NSM and AF_VSOCK answered by the supervisor
/// (emulation 5): an enclave in milliseconds, without a virtual machine, a kernel or root. It is for development and no isolation boundary.
/// </summary>
/// <remarks>There is no nitro-init: the enclave counts as ready as soon as the kernel has started its program.</remarks>
public sealed class ProcessEngine : IEnclaveEngine
{
    /// <summary>What users are told wherever they see that this engine runs an enclave.</summary>
    public const string Warning =
        "The process engine is no isolation boundary: the enclave's programs are processes of this machine, and whoever may read them can read " +
        "every key in them. Give such an enclave only keys that may become known.";

    internal const string EngineName = "process";

    /// <inheritdoc/>
    public string Name => EngineName;

    /// <inheritdoc/>
    public EngineAvailability Probe() => ProcessEngineProbe.Run(Name);

    /// <inheritdoc/>
    public async Task<IRunningEnclave> StartAsync(EnclaveLaunch launch, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(launch);
        HostMemory.Check(launch.MemoryMiB);
        return await Task.Run(() => ProcessEnclave.Start(launch, cancellationToken), cancellationToken).ConfigureAwait(false);
    }
}
