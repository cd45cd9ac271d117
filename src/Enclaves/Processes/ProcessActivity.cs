namespace NitroEnclaves.Enclaves;

/// <summary>What the threads of a process are at, as the kernel has it (proc(5): <c>/proc/PID/task/TID/stat</c>).</summary>
static class ProcessActivity
{
    /// <summary>
    /// Whether a thread runs, waits for a processor, or for storage: the process gets on, however slowly. Not where all of them sleep, where
    /// it is stopped, gone, or cannot be seen from here.
    /// </summary>
    public static bool HasWork(int id)
    {
        try
        {
            return Directory.EnumerateDirectories($"/proc/{id}/task").Any(thread => StateOf(thread) is 'R' or 'D');
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // The state comes after the name, in which there may be anything, parentheses too.
    static char StateOf(string thread)
    {
        var stat = File.ReadAllText(Path.Combine(thread, "stat"));
        return stat.ElementAtOrDefault(stat.LastIndexOf(')') + 2);
    }
}
