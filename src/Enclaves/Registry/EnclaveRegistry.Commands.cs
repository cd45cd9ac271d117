using System.Globalization;

namespace NitroEnclaves.Enclaves;

// What is asked of the processes themselves, ours and nitro-cli's: in the same folder nitro-cli's have a socket <slot>.sock as ours, and no entry.
public sealed partial class EnclaveRegistry
{
    // nitro-cli's process measures the image anew before it answers the first question.
    static readonly TimeSpan s_othersPatience = TimeSpan.FromMinutes(1);

    /// <summary>The engine's name in entries of enclaves that nitro-cli has started.</summary>
    public const string NitroCliEngine = "nitro-cli";

    /// <summary>
    /// Describes all running enclaves, those that nitro-cli has started among them. All are asked at the same time, so that one that hangs
    /// keeps the others back for three seconds and no longer. Those that end meanwhile are left out.
    /// </summary>
    /// <param name="metadata">Whether the images' metadata is wanted too.</param>
    /// <param name="cancellationToken">Gives the wait up.</param>
    /// <exception cref="EnclaveException">The folder cannot be read (<see cref="EnclaveFailure.RegistryUnavailable"/>).</exception>
    public async Task<EnclaveDescriptions> DescribeAllAsync(bool metadata = false, CancellationToken cancellationToken = default)
    {
        var own = List();
        EnclaveEntry[] running = [.. own.Where(entry => entry.State != EnclaveState.Starting)];
        var asking = Task.WhenAll(running.Select(entry => TryDescribeAsync(Connect(entry.Id), metadata, cancellationToken)));
        var others = DescribeOthersAsync(own, metadata, cancellationToken);
        await Task.WhenAll(asking, others).ConfigureAwait(false);
        var answers = await asking.ConfigureAwait(false);
        EnclaveEntry[] silent = [.. running.Where((_, index) => answers[index] is null)];
        if (silent.Length > 0)
        {
            // It may have ended between the two questions.
            var living = List().Select(entry => entry.Id).ToHashSet();
            silent = [.. silent.Where(entry => living.Contains(entry.Id))];
        }

        return new EnclaveDescriptions(
            [.. answers.OfType<EnclaveDescription>().Concat(await others.ConfigureAwait(false)).OrderBy(description => description.EnclaveCid)], silent);
    }

    /// <summary>As <see cref="DescribeAllAsync"/>, for those who need all of them.</summary>
    /// <exception cref="EnclaveException">
    /// The folder cannot be read (<see cref="EnclaveFailure.RegistryUnavailable"/>), or an enclave's process gave no answer (<see cref="EnclaveFailure.ProcessConnection"/>).
    /// </exception>
    public async Task<IReadOnlyList<EnclaveDescription>> DescribeAsync(bool metadata = false, CancellationToken cancellationToken = default)
    {
        var descriptions = await DescribeAllAsync(metadata, cancellationToken).ConfigureAwait(false);
        descriptions.ThrowIfSilent();
        return descriptions.Answered;
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
        var asking = new List<Task<EnclaveDescription?>>();
        foreach (var path in Directory.EnumerateFiles(FolderPath, "*" + RegistryPaths.CommandsSuffix))
        {
            var slot = Path.GetFileNameWithoutExtension(path);
            if (!slots.Contains(slot) && ulong.TryParse(slot, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _))
            {
                asking.Add(DescribeOtherAsync(path, slot, metadata, cancellationToken));
            }
        }

        return [.. (await Task.WhenAll(asking).ConfigureAwait(false)).OfType<EnclaveDescription>()];
    }

    // A socket that nobody listens at is nitro-cli's to remove; a process that gives no valid answer is none of an enclave.
    static async Task<EnclaveDescription?> DescribeOtherAsync(string path, string slot, bool metadata, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_othersPatience);
        try
        {
            return await TryDescribeAsync(new EnclaveClient(path), metadata, patience.Token).ConfigureAwait(false) is { } description
                && EnclaveId.SlotText(description.EnclaveId) == slot
                ? description with { Engine = description.Engine ?? NitroCliEngine }
                : null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    static async Task<EnclaveDescription?> TryDescribeAsync(EnclaveClient client, bool metadata, CancellationToken cancellationToken)
    {
        try
        {
            return await client.DescribeAsync(metadata, cancellationToken).ConfigureAwait(false);
        }
        catch (EnclaveException)
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
