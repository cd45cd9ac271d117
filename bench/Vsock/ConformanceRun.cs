using System.Globalization;
using System.Text;
using NitroEnclaves.Virtio.Tests;

namespace NitroEnclaves.Vsock.Benchmarks;

/// <summary>
/// The conformance cases against back ends in processes of their own: each case with a fresh process, the table of results as Markdown.
/// </summary>
static class ConformanceRun
{
    // Longer than the time-outs that a back end may have: closed connections are given up after 2 to 8 s.
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Runs every case against every command and prints the table.</summary>
    /// <param name="names">Names of the columns.</param>
    /// <param name="commands">Programs with the flags of vhost-device-vsock, in the order of the names.</param>
    /// <returns>Whether the first command passed all cases.</returns>
    internal static bool Print(string[] names, string[] commands)
    {
        // Without Nitro, guests know their host as 2.
        GuestPacket.ParentCid = 2;
        VsockGuest.Patience = Patience;
        var results = new string[commands.Length][];
        var runs = commands.Select((command, column) => new Thread(() => results[column] = [.. ConformanceCases.All.Select(entry => Run(command, entry.Key, entry.Value))])).ToArray();
        Array.ForEach(runs, run => run.Start());
        Array.ForEach(runs, run => run.Join());
        Console.WriteLine($"| case | {string.Join(" | ", names)} |");
        Console.WriteLine($"| --- |{string.Concat(names.Select(_ => " --- |"))}");
        foreach (var (index, name) in ConformanceCases.All.Keys.Index())
        {
            Console.WriteLine($"| {ToSentence(name)} | {string.Join(" | ", results.Select(column => column[index]))} |");
        }

        Console.WriteLine($"| **passed of {ConformanceCases.All.Count}** | {string.Join(" | ", results.Select(column => column.Count(result => result == "yes").ToString(CultureInfo.InvariantCulture)))} |");
        return results[0].All(result => result == "yes");
    }

    static string Run(string command, string name, Action<VsockRig> work)
    {
        try
        {
            using var rig = new ProcessRig(command);
            work(rig);
            Console.Error.WriteLine($"{command.Split(' ')[0]}: {name}: yes");
            return "yes";
        }
#pragma warning disable CA1031 // Whatever a case throws, it did not pass.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Console.Error.WriteLine($"{command.Split(' ')[0]}: {name}: {exception.Message.ReplaceLineEndings(" ")}");
            return "no";
        }
    }

    static string ToSentence(string name)
    {
        var text = new StringBuilder(name.Length + 16);
        foreach (var character in name)
        {
            text.Append(text.Length > 0 && char.IsUpper(character) ? " " : "").Append(text.Length > 0 ? char.ToLowerInvariant(character) : character);
        }

        return text.ToString();
    }
}
