using System.Text;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The tables of docs/engines.md: rows are behaviours, columns are engines.</summary>
static class EnginesDocument
{
    const string Begin = "<!-- conformance: begin -->";
    const string End = "<!-- conformance: end -->";

    /// <summary>The document with its tables made of observations.</summary>
    /// <exception cref="InvalidOperationException">The document has no place for tables.</exception>
    public static string Replace(string document, IReadOnlyDictionary<EngineChoice, List<Behaviour>> observations)
    {
        var (begin, end) = (document.IndexOf(Begin, StringComparison.Ordinal), document.IndexOf(End, StringComparison.Ordinal));
        return begin >= 0 && end > begin
            ? $"{document[..(begin + Begin.Length)]}\n{Tables(observations)}\n{document[end..]}"
            : throw new InvalidOperationException($"docs/engines.md has no lines {Begin} and {End}.");
    }

    static string Tables(IReadOnlyDictionary<EngineChoice, List<Behaviour>> observations)
    {
        var text = new StringBuilder();
        // In the order in which the first engine's program did them; what only another did comes last and shows as missing.
        var actions = observations.Values.SelectMany(list => list).Select(behaviour => (behaviour.Group, behaviour.Action)).Distinct().ToList();
        foreach (var group in actions.Select(action => action.Group).Distinct())
        {
            text.Append(string.Concat($"\n| {group} | ", string.Join(" | ", observations.Keys.Select(engine => engine.ToString().ToLowerInvariant())), " |\n"));
            text.Append(string.Concat("| --- |", string.Concat(observations.Select(_ => " --- |")), "\n"));
            foreach (var (_, action) in actions.Where(action => action.Group == group))
            {
                text.Append($"| {action} |");
                foreach (var list in observations.Values)
                {
                    text.Append($" {list.Find(behaviour => behaviour.Group == group && behaviour.Action == action)?.Observation ?? "**missing**"} |");
                }

                text.Append('\n');
            }
        }

        return text.ToString();
    }
}
