using System.Runtime.InteropServices;
using System.Text;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// The log file that the processes of all enclaves share. Each line is one write at the file's end, so that lines stay whole, and the file is
/// opened anew for each: it may be moved away at any time.
/// </summary>
sealed class LogFile : IEnclaveLogOutput
{
    /// <summary>The file's name, which is nitro-cli's.</summary>
    public const string Name = "nitro_enclaves.log";

    /// <summary>nitro-cli's variable of the folder.</summary>
    public const string Variable = "NITRO_CLI_LOGS_PATH";

    /// <summary>How long the file may grow before it becomes <c>.1</c>, in bytes.</summary>
    public const long LongestFile = 10 * 1024 * 1024;

    const string SystemFolder = "/var/log/nitro_enclaves";
    const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    readonly string _path;

    LogFile(string path) => _path = path;

    /// <summary>
    /// The file in <c>$NITRO_CLI_LOGS_PATH</c>; else in <c>/var/log/nitro_enclaves</c> where this user may write there (root makes it), else in
    /// <c>$XDG_STATE_HOME/nitro-enclaves</c>.
    /// </summary>
    /// <param name="problem">Why there is none; null where there is one.</param>
    public static LogFile? Open(out string? problem)
    {
        problem = null;
        string[] folders = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? [given] : [SystemFolder, StateFolder()];
        foreach (var folder in folders)
        {
            if (At(Path.Combine(Path.GetFullPath(folder), Name), out problem) is { } file)
            {
                return file;
            }
        }

        return null;
    }

    /// <summary>A file; null, and why, where it cannot be written.</summary>
    internal static LogFile? At(string path, out string? problem)
    {
        var file = new LogFile(path);
        return file.TryAppend([], out problem) ? file : null;
    }

    public void Write(EnclaveLogLine line) => TryAppend(Encoding.UTF8.GetBytes(line.ForFile()), out _);

    bool TryAppend(byte[] bytes, out string? problem)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            if (new FileInfo(_path) is { Exists: true, Length: > LongestFile })
            {
                PutAside();
            }

            var isNew = !File.Exists(_path);
            // O_APPEND, which .NET's FileMode.Append is not: processes of several enclaves write here.
            using var file = Interop.open(
                _path, Interop.O_WRONLY | Interop.O_APPEND | Interop.O_CREAT | Interop.O_NOFOLLOW | Interop.O_CLOEXEC, (uint)Mode);
            if (file.IsInvalid)
            {
                problem = $"No log is kept: {_path} cannot be written ({Marshal.GetLastPInvokeErrorMessage()}).";
                return false;
            }

            if (isNew)
            {
                // Whatever the umask: users of the folder's group write to one file.
                File.SetUnixFileMode(file, Mode);
            }

            RandomAccess.Write(file, bytes, 0);
            problem = null;
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problem = $"No log is kept: {exception.Message}";
            return false;
        }
    }

    // Several processes may find it too long at once: one of them moves it, and the others see by then that another has its name.
    void PutAside()
    {
        using var file = Interop.open(_path, Interop.O_RDONLY | Interop.O_NOFOLLOW | Interop.O_CLOEXEC, 0);
        if (!file.IsInvalid && Interop.flock(file, Interop.LOCK_EX | Interop.LOCK_NB) == 0 && RandomAccess.GetLength(file) > LongestFile
            && Interop.statx((int)file.DangerousGetHandle(), "", Interop.AT_EMPTY_PATH, Interop.STATX_BASIC_STATS, out var opened) == 0
            && Interop.statx(Interop.AT_FDCWD, _path, Interop.AT_SYMLINK_NOFOLLOW, Interop.STATX_BASIC_STATS, out var named) == 0
            && opened.stx_ino == named.stx_ino)
        {
            File.Move(_path, _path + ".1", overwrite: true);
        }
    }

    static string StateFolder() => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state
            ? state
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state"),
        "nitro-enclaves");
}
