namespace NitroEnclaves.Cli.Inspecting;

/// <summary>For whom a command prints.</summary>
enum OutputFormat
{
    /// <summary>For programs.</summary>
    Json,

    /// <summary>For people.</summary>
    Table,
}
