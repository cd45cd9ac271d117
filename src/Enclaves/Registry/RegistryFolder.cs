namespace NitroEnclaves.Enclaves;

/// <summary>Where the registry of running enclaves is (contracts, "Registry").</summary>
static class RegistryFolder
{
    internal const string Variable = "NITRO_CLI_SOCKETS_PATH";

    const string SystemPath = "/run/nitro_enclaves";
    const string FolderName = "nitro_enclaves";
    const int WritableByOthers = 0x12;

    static string TemporaryPath => Path.Combine(Path.GetTempPath(), $"{FolderName}-{Interop.geteuid()}");

    /// <summary>
    /// <c>$NITRO_CLI_SOCKETS_PATH</c>, else <c>/run/nitro_enclaves</c> where this user may write (root makes it), else
    /// <c>$XDG_RUNTIME_DIR/nitro_enclaves</c>, else a folder of this user's own under the temporary folder.
    /// </summary>
    public static string Default()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
        {
            return Path.GetFullPath(given);
        }

        if (Interop.access(SystemPath, Interop.W_OK) == 0
            || (!Path.Exists(SystemPath) && Interop.access(Path.GetDirectoryName(SystemPath)!, Interop.W_OK) == 0))
        {
            return SystemPath;
        }

        return Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime
            ? Path.Combine(runtime, FolderName)
            : TemporaryPath;
    }

    /// <summary>Makes the folder where it is missing: open to all for the system's, for this user alone elsewhere.</summary>
    /// <exception cref="EnclaveException">It cannot be made, or somebody else owns it.</exception>
    public static void Ensure(string path)
    {
        try
        {
            var mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
            if (path == SystemPath)
            {
                mode |= UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
            }

            Directory.CreateDirectory(path, mode);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EnclaveException(
                EnclaveFailure.RegistryUnavailable, $"The folder of running enclaves, {path}, cannot be made: {exception.Message}", exception);
        }

        if (path == TemporaryPath && !IsOwn(path))
        {
            throw new EnclaveException(
                EnclaveFailure.RegistryUnavailable, $"The folder of running enclaves, {path}, belongs to somebody else. Set {Variable} to another.");
        }
    }

    // In a folder that everybody may write to, somebody else may have made ours first.
    static bool IsOwn(string path) =>
        Interop.statx(Interop.AT_FDCWD, path, Interop.AT_SYMLINK_NOFOLLOW, Interop.STATX_BASIC_STATS, out var status) == 0
        && status.stx_uid == Interop.geteuid()
        && (status.stx_mode & WritableByOthers) == 0;
}
