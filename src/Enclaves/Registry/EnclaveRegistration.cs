namespace NitroEnclaves.Enclaves;

/// <summary>The entry of an enclave that the calling process owns. Disposing it removes everything the enclave has in the registry.</summary>
sealed class EnclaveRegistration : IDisposable
{
    readonly EnclaveRegistry _registry;
    readonly EntryFile _file;
    bool _disposed;

    internal EnclaveRegistration(EnclaveRegistry registry, RegistryPaths paths, EntryFile file, EnclaveEntry entry)
    {
        (_registry, _file, Paths, Entry) = (registry, file, paths, entry);
    }

    /// <summary>The files that belong to the enclave.</summary>
    public RegistryPaths Paths { get; private set; }

    /// <summary>The entry as it stands in the registry.</summary>
    public EnclaveEntry Entry { get; private set; }

    /// <summary>Says where the enclave is in its life.</summary>
    public void Enter(EnclaveState state)
    {
        using var held = RegistryLock.Take(_registry.FolderPath);
        Entry = Entry with { State = state };
        _file.Write(Entry);
    }

    /// <summary>Gives the enclave another id, because the hypervisor has given it another slot; its files take the new name.</summary>
    public void Rename(InstanceId instance, ulong slot)
    {
        using var held = RegistryLock.Take(_registry.FolderPath);
        var id = new EnclaveId(instance, slot).ToString();
        Paths = Paths.Rename(id);
        Entry = Entry with { Id = id };
        _file.Write(Entry);
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        using (RegistryLock.Take(_registry.FolderPath))
        {
            Paths.Remove();
            _file.Dispose();
        }
    }
}
