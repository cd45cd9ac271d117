using System.Globalization;

namespace NitroEnclaves.Enclaves;

// What is asked of the processes themselves, ours and nitro-cli's: in the same folder nitro-cli's have a socket <slot>.sock as ours, and no entry.
public sealed partial class EnclaveRegistry
{
    // nitro-cli's process measures the image anew before it answers the first question.
    static readonly TimeSpan s_othersPatience = TimeSpan.FromMinutes(1);

    /// <summary>The engine's name in entries of enclaves that nitro-cli has started.</summary>
    public const string NitroCliEngine = "nitro-cli";

    /// <summary>Describes all running enclaves, in the order of their CIDs, those that nitro-cli has started among them. Those that end meanwhile are left out.</summary>
    /// <param name="metadata">Whether the images' metadata is wanted too.</param>
    /// <param name="cancellationToken">Gives the wait up.</param>
    /// <exception cref="EnclaveException">The folder cannot be read (<see cref="EnclaveFailure.RegistryUnavailable"/>).</exception>
    public async Task<IReadOnlyList<EnclaveDescription>> DescribeAsync(bool metadata = false, CancellationToken cancellationToken = default)
    {
        var descriptions = new List<EnclaveDescription>();
        var own = List();
        foreach (var entry in own.Where(entry => entry.State != EnclaveState.Starting))
        {
            try
            {
                descriptions.Add(await Connect(entry.Id).DescribeAsync(metadata, cancellationToken).ConfigureAwait(false));
            }
            catch (EnclaveException) when (List().All(other => other.Id != entry.Id))
            {
                // It ended between the two questions.
            }
        }

        descriptions.AddRange(await DescribeOthersAsync(own, metadata, cancellationToken).ConfigureAwait(false));
        return [.. descriptions.OrderBy(description => description.EnclaveCid)];
    }

    /// <summary>As <see cref="List"/>, and the enclaves that nitro-cli has started.</summary>
    /// <exception cref="EnclaveException">The folder cannot be read (<see cref="EnclaveFailure.RegistryUnavailable"/>).</exception>
    public async Task<IReadOnlyList<EnclaveEntry>> ListAsync(CancellationToken cancellationToken = default)
    {
        var own = List();
        var others = await DescribeOthersAsync(own, metadata: false, cancellationToken).ConfigureAwait(false);
        return [.. own.Concat(others.Select(EntryOf)).OrderBy(entry => entry.Cid)];
    }

    /// <summary>As <see cref="Find"/>, also among the enclaves that nitro-cli has started.</summary>
    /// <exception cref="EnclaveException">There is none (<see cref="EnclaveFailure.NoSuchEnclave"/>).</exception>
    public async Task<EnclaveEntry> FindAsync(string enclaveId, CancellationToken cancellationToken = default) =>
        (await ListAsync(cancellationToken).ConfigureAwait(false)).FirstOrDefault(entry => entry.Id == enclaveId) ?? throw NoSuchId(enclaveId);

    /// <summary>As <see cref="FindByName"/>, also among the enclaves that nitro-cli has started.</summary>
    /// <exception cref="EnclaveException">There is none, or more than one (<see cref="EnclaveFailure.Naming"/>).</exception>
    public async Task<EnclaveEntry> FindByNameAsync(string name, CancellationToken cancellationToken = default)
    {
        EnclaveEntry[] named = [.. (await ListAsync(cancellationToken).ConfigureAwait(false)).Where(entry => entry.Name == name)];
        return named switch
        {
            [var one] => one,
            [] => throw NoSuchName(name),
            _ => throw new EnclaveException(
                EnclaveFailure.Naming, $"{named.Length} running enclaves have the name '{name}': {string.Join(", ", named.Select(entry => entry.Id))}. Give the id."),
        };
    }

    async Task<List<EnclaveDescription>> DescribeOthersAsync(IReadOnlyList<EnclaveEntry> own, bool metadata, CancellationToken cancellationToken)
    {
        var slots = own.Select(entry => EnclaveId.SlotText(entry.Id)).ToHashSet();
        var descriptions = new List<EnclaveDescription>();
        foreach (var path in Directory.EnumerateFiles(FolderPath, "*" + RegistryPaths.CommandsSuffix))
        {
            var slot = Path.GetFileNameWithoutExtension(path);
            if (!slots.Contains(slot) && ulong.TryParse(slot, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _)
                && await TryDescribeAsync(path, metadata, cancellationToken).ConfigureAwait(false) is { } description
                && EnclaveId.SlotText(description.EnclaveId) == slot)
            {
                descriptions.Add(description with { Engine = description.Engine ?? NitroCliEngine });
            }
        }

        return descriptions;
    }

    // A socket that nobody listens at is nitro-cli's to remove; a process that gives no valid answer is none of an enclave.
    static async Task<EnclaveDescription?> TryDescribeAsync(string path, bool metadata, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_othersPatience);
        try
        {
            return await new EnclaveClient(path).DescribeAsync(metadata, patience.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is EnclaveException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    static EnclaveEntry EntryOf(EnclaveDescription description) => new()
    {
        Name = description.EnclaveName,
        Id = description.EnclaveId,
        ProcessId = description.ProcessId,
        Cid = description.EnclaveCid,
        Engine = description.Engine ?? NitroCliEngine,
        State = description.State == "TERMINATING" ? EnclaveState.Terminating : EnclaveState.Running,
    };
}
