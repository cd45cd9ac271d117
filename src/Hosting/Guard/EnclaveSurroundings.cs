namespace NitroEnclaves.Hosting;

/// <summary>What a process can see of the machine it runs on: files of the kernel, its own environment, and the time.</summary>
/// <param name="root">The folder in which /proc, /sys and /dev are; "/" but in tests.</param>
/// <param name="variable">Reads an environment variable.</param>
/// <param name="clock">The clock; null for the system's.</param>
sealed class EnclaveSurroundings(string root = "/", Func<string, string?>? variable = null, TimeProvider? clock = null)
{
    // The kernel's files that are read here are a line or a few; nothing is read further than this.
    const int MaxLength = 64 << 10;

    public TimeProvider Clock { get; } = clock ?? TimeProvider.System;

    /// <summary>A file without the line feed at its end; null where it is not there or cannot be read.</summary>
    public string? Read(string path)
    {
        try
        {
            using var file = new StreamReader(InRoot(path));
            var buffer = new char[MaxLength];
            return new string(buffer, 0, file.ReadBlock(buffer)).TrimEnd();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public bool Exists(string path) => Path.Exists(InRoot(path));

    /// <summary>The mode of a file; null where it is not there.</summary>
    public UnixFileMode? Mode(string path) => Exists(path) ? File.GetUnixFileMode(InRoot(path)) : null;

    public string? Variable(string name) => (variable ?? Environment.GetEnvironmentVariable)(name);

    string InRoot(string path) => Path.Combine(root, path.TrimStart('/'));
}
