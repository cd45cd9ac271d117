namespace NitroEnclaves.Enclaves;

/// <summary>
/// The registry of running enclaves: a folder with a few files for each. Whoever looks finds out which enclaves still live and removes
/// what the dead have left.
/// </summary>
/// <remarks>All members may be called from any thread and from several processes at once.</remarks>
public sealed partial class EnclaveRegistry
{
    /// <summary>Opens a registry; its folder is made where it is missing.</summary>
    /// <param name="path">The folder; null takes <see cref="DefaultPath"/>.</param>
    /// <exception cref="EnclaveException">The folder cannot be made (<see cref="EnclaveFailure.RegistryUnavailable"/>).</exception>
    public EnclaveRegistry(string? path = null)
    {
        FolderPath = path is null ? DefaultPath : Path.GetFullPath(path);
        RegistryFolder.Ensure(FolderPath);
    }

    /// <summary>
    /// <c>$NITRO_CLI_SOCKETS_PATH</c>, else <c>/run/nitro_enclaves</c> where writable, else <c>$XDG_RUNTIME_DIR/nitro_enclaves</c>, else
    /// a folder of the user's own under the temporary folder.
    /// </summary>
    public static string DefaultPath => RegistryFolder.Default();

    /// <summary>The registry's folder.</summary>
    public string FolderPath { get; }

    /// <summary>All enclaves whose process lives, in the order of their CIDs. Removes the entries of dead ones.</summary>
    /// <exception cref="EnclaveException">The folder cannot be read (<see cref="EnclaveFailure.RegistryUnavailable"/>).</exception>
    public IReadOnlyList<EnclaveEntry> List()
    {
        using var held = RegistryLock.Take(FolderPath);
        return Prune();
    }

    /// <summary>The enclave with an id.</summary>
    /// <exception cref="EnclaveException">There is none (<see cref="EnclaveFailure.NoSuchEnclave"/>).</exception>
    public EnclaveEntry Find(string enclaveId) => List().FirstOrDefault(entry => entry.Id == enclaveId)
        ?? throw NoSuchId(enclaveId);

    /// <summary>The enclave with a name.</summary>
    /// <exception cref="EnclaveException">There is none (<see cref="EnclaveFailure.Naming"/>).</exception>
    public EnclaveEntry FindByName(string name) => List().FirstOrDefault(entry => entry.Name == name)
        ?? throw NoSuchName(name);

    /// <summary>A client for the commands of one enclave; nothing is connected yet.</summary>
    public EnclaveClient Connect(string enclaveId) => new(new RegistryPaths(FolderPath, enclaveId).Commands);

    /// <summary>The Unix socket through which the parent's programs reach an enclave's ports (<c>CONNECT &lt;port&gt;</c>).</summary>
    public string VsockPath(string enclaveId) => new RegistryPaths(FolderPath, enclaveId).Vsock;

    /// <summary>
    /// The Unix socket of the enclave with a CID, or null. Waits for nobody and tidies nothing up: an enclave that has just ended may
    /// still be found, and refuses.
    /// </summary>
    internal string? FindVsockPath(uint cid) => FindEntry(cid) is { } entry ? new RegistryPaths(FolderPath, entry.Id).Vsock : null;

    /// <summary>The same for the socket of its console.</summary>
    internal string? FindConsolePath(uint cid) => FindEntry(cid) is { } entry ? new RegistryPaths(FolderPath, entry.Id).Console : null;

    EnclaveEntry? FindEntry(uint cid)
    {
        foreach (var path in Directory.EnumerateFiles(FolderPath, "*" + RegistryPaths.EntrySuffix))
        {
            using var file = EntryFile.Open(path);
            if (file?.Read() is { } entry && entry.Cid == cid && EnclaveId.TryParse(entry.Id, out _))
            {
                return entry;
            }
        }

        return null;
    }

    /// <summary>Enters an enclave of the calling process: gives it an id, a CID and a name that no other has.</summary>
    internal EnclaveRegistration Register(EnclaveOptions options, string engine, SlotSource slots)
    {
        using var held = RegistryLock.Take(FolderPath);
        var others = Prune();
        var entry = new EnclaveEntry
        {
            Name = EnclaveNames.Unique(options.RequestedName, others.Select(other => other.Name).ToHashSet()),
            Id = ChooseId(options, others, slots).ToString(),
            ProcessId = Environment.ProcessId,
            Cid = CidAllocation.Choose(options.EnclaveCid, others),
            Engine = engine,
            State = EnclaveState.Starting,
        };
        var paths = new RegistryPaths(FolderPath, entry.Id);
        var file = EntryFile.Create(paths.Entry) ?? throw IdTaken(entry.Id);
        file.Write(entry);
        return new EnclaveRegistration(this, paths, file, entry);
    }

    /// <summary>Removes what dead processes have left, if that can be done; failing to is no failure of whoever tidies up.</summary>
    internal void Tidy()
    {
        try
        {
            List();
        }
        catch (EnclaveException)
        {
            // The next one who looks will do it.
        }
    }

    static EnclaveId ChooseId(EnclaveOptions options, IReadOnlyList<EnclaveEntry> others, SlotSource slots)
    {
        if (options.ModuleId is { } given)
        {
            // Slots are what sockets are named by: two enclaves must not share one, not even of two parents.
            return others.Any(other => EnclaveId.SlotText(other.Id) == EnclaveId.SlotText(given)) ? throw IdTaken(given) : EnclaveId.Parse(given);
        }

        var parent = options.ParentInstanceId is { } instance ? InstanceId.Parse(instance) : InstanceId.OfThisMachine();
        EnclaveId id = default;
        while (slots.Next() is { } slot)
        {
            id = new EnclaveId(parent, slot);
            var text = id.ToString();
            if (others.All(other => EnclaveId.SlotText(other.Id) != EnclaveId.SlotText(text)))
            {
                return id;
            }
        }

        throw IdTaken(id.ToString());
    }

    static EnclaveException NoSuchId(string id) => new(EnclaveFailure.NoSuchEnclave, $"No running enclave has the id '{id}'.");

    static EnclaveException NoSuchName(string name) => new(EnclaveFailure.Naming, $"No running enclave has the name '{name}'.");

    static EnclaveException IdTaken(string id) => new(EnclaveFailure.ConflictingArgument, $"An enclave with the id {id} runs already.");

    // The lock is held: nobody else makes or removes entries now.
    List<EnclaveEntry> Prune()
    {
        var living = new List<EnclaveEntry>();
        foreach (var path in Directory.EnumerateFiles(FolderPath, "*" + RegistryPaths.EntrySuffix))
        {
            if (!EnclaveId.TryParse(Path.GetFileNameWithoutExtension(path), out var id) || EntryFile.Open(path) is not { } file)
            {
                continue;
            }

            using (file)
            {
                if (file.TryLock())
                {
                    new RegistryPaths(FolderPath, id.ToString()).Remove();
                }
                else if (file.Read() is { } entry && entry.Id == id.ToString())
                {
                    living.Add(entry);
                }
            }
        }

        // Whoever owns port 9000 has entered its enclave before: without an enclave, the socket is of an owner that was killed.
        if (living.Count == 0)
        {
            RegistryPaths.TryDelete(Path.Combine(FolderPath, HeartbeatPort.SocketName));
        }

        living.Sort((left, right) => left.Cid.CompareTo(right.Cid));
        return living;
    }
}
