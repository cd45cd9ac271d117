namespace NitroEnclaves.Enclaves;

/// <summary>
/// The files under <c>/sys</c> by which the kernel is told what to set aside. A seam, because a write to such a file does something and a
/// read says what came of it: tests put a kernel of their own behind it.
/// </summary>
abstract class KernelFiles
{
    /// <summary>This machine's.</summary>
    public static KernelFiles Machine { get; } = new MachineFiles();

    /// <summary>Whether a file is there.</summary>
    public abstract bool Exists(string path);

    /// <summary>The names of the folders in a folder, in no particular order; none where it is not there.</summary>
    public abstract IReadOnlyList<string> Folders(string path);

    /// <summary>The content of a file without white space around it.</summary>
    /// <exception cref="IOException">It is not there, or the kernel refuses.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not.</exception>
    public abstract string Read(string path);

    /// <summary>Writes a value and a line's end.</summary>
    /// <exception cref="IOException">It is not there, or the kernel refuses.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not, or the kernel says so (EPERM).</exception>
    public abstract void Write(string path, string value);

    sealed class MachineFiles : KernelFiles
    {
        public override bool Exists(string path) => File.Exists(path);

        public override IReadOnlyList<string> Folders(string path) =>
            Directory.Exists(path) ? [.. Directory.EnumerateDirectories(path).Select(Path.GetFileName).OfType<string>()] : [];

        public override string Read(string path) => File.ReadAllText(path).Trim();

        // One write call with the whole value: the kernel takes each call as a value of its own. The line's end lets an empty one be told.
        public override void Write(string path, string value)
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            file.Write(System.Text.Encoding.ASCII.GetBytes(value + "\n"));
        }
    }
}
