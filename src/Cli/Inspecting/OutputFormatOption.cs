using System.CommandLine;

namespace NitroEnclaves.Cli.Inspecting;

/// <summary>The option <c>--format</c>.</summary>
static class OutputFormatOption
{
    /// <summary>An option of this default.</summary>
    public static Option<OutputFormat> Create(OutputFormat preset) => new("--format")
    {
        HelpName = "json|table",
        Description = "json for programs, table for people.",
        DefaultValueFactory = _ => preset,
    };
}
