using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>A process that is known as a test's by a variable of its environment, or by a word on its command line.</summary>
sealed record MarkedProcess(int Id, string CommandLine)
{
    /// <summary>Finds the living ones among all processes of this machine.</summary>
    public static IReadOnlyList<MarkedProcess> Find(string variable, string value)
    {
        var found = new List<MarkedProcess>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) || id == Environment.ProcessId)
            {
                continue;
            }

            try
            {
                // Of a process that has ended and was not collected yet, both are empty.
                var commandLine = Read(folder, "cmdline");
                if (commandLine.Contains(value, StringComparison.Ordinal) || Read(folder, "environ").Contains($"{variable}={value}", StringComparison.Ordinal))
                {
                    found.Add(new MarkedProcess(id, commandLine.Replace('\0', ' ')));
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // It ended while we looked, or it is another user's.
            }
        }

        return found;
    }

    public bool IsQemu => CommandLine.Contains("qemu-system", StringComparison.Ordinal);

    /// <summary>Kills it (SIGKILL).</summary>
    public void Kill()
    {
        try
        {
            using var process = Process.GetProcessById(Id);
            process.Kill();
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            // It has ended.
        }
    }

    static string Read(string folder, string file) => Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(folder, file)));
}
