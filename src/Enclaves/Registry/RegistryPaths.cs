using System.Text;

namespace NitroEnclaves.Enclaves;

/// <summary>The files that one enclave has in the registry's folder.</summary>
sealed class RegistryPaths
{
    internal const string EntrySuffix = ".json";
    internal const string CommandsSuffix = ".sock";

    /// <summary>
    /// The path beside which programs of the parent listen for all enclaves at once (<c>parent.vsock_&lt;port&gt;</c>), as they do on a real
    /// parent with one vsock socket.
    /// </summary>
    internal const string SharedVsockName = "parent.vsock";

    // sun_path has 108 bytes with its end; "_4294967295" is the longest that the vsock router adds to its path.
    const int LongestSocketPath = 107;
    const int LongestPortSuffix = 11;

    readonly string _folder;
    readonly string _id;

    public RegistryPaths(string folder, string id)
    {
        (_folder, _id) = (folder, id);
        if (Encoding.UTF8.GetByteCount(Vsock) + LongestPortSuffix > LongestSocketPath)
        {
            throw new EnclaveException(
                EnclaveFailure.RegistryUnavailable,
                $"The path of the folder of running enclaves, {folder}, is too long for the sockets in it. Set {RegistryFolder.Variable} to a shorter one.");
        }
    }

    /// <summary>What is known of the enclave; locked by its process for as long as that lives.</summary>
    public string Entry => Path.Combine(_folder, _id + EntrySuffix);

    /// <summary>
    /// The socket on which the enclave's process takes commands. Its name is the slot alone: there nitro-cli looks for an enclave whose id it
    /// is given (eif-and-nitro-cli 3.4).
    /// </summary>
    public string Commands => Path.Combine(_folder, EnclaveId.SlotText(_id) + CommandsSuffix);

    /// <summary>The socket through which the parent's programs reach the enclave; beside it <c>_&lt;port&gt;</c> for the other way.</summary>
    public string Vsock => Path.Combine(_folder, _id + ".vsock");

    /// <summary>The socket through which the console of a debug enclave is read, as a real parent reads it at CID 0.</summary>
    public string Console => Path.Combine(_folder, _id + ".console");

    /// <summary>The path of listeners that serve every enclave of the registry.</summary>
    public string SharedVsock => Path.Combine(_folder, SharedVsockName);

    /// <summary>Moves all of them to another id.</summary>
    /// <returns>The files under that id.</returns>
    public RegistryPaths Rename(string id)
    {
        var renamed = new RegistryPaths(_folder, id);
        foreach (var path in Existing())
        {
            File.Move(path, path == Commands ? renamed.Commands : Path.Combine(_folder, id + Path.GetFileName(path)[_id.Length..]));
        }

        return renamed;
    }

    /// <summary>Removes all of them; what is gone already or not ours to remove stays as it is.</summary>
    public void Remove()
    {
        foreach (var path in Existing())
        {
            TryDelete(path);
        }
    }

    /// <summary>Deletes a file of the registry, where it is there and this user may.</summary>
    public static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Another user's in a shared folder: its owner, or root, will remove it.
        }
    }

    IEnumerable<string> Existing()
    {
        IEnumerable<string> own = Directory.GetFiles(_folder, _id + ".*");
        return File.Exists(Commands) ? own.Append(Commands) : own;
    }
}
