using System.CommandLine;
using System.CommandLine.Parsing;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary>The options that name one running enclave: by id or by name.</summary>
sealed class EnclaveSelection
{
    public Option<string?> Id { get; } = new("--enclave-id") { HelpName = "ID", Description = "The enclave's id." };

    public Option<string?> Name { get; } = new("--enclave-name") { HelpName = "NAME", Description = "The enclave's name." };

    /// <summary>Adds both to a command, and the rule that exactly one of them, or of the others given here, is there.</summary>
    public void AddTo(Command command, params Option<bool>[] others)
    {
        command.Add(Id);
        command.Add(Name);
        command.Validators.Add(result =>
        {
            Option[] choices = [Id, Name, .. others];
            var given = choices.Count(option => result.GetResult(option) is { Implicit: false });
            if (given != 1)
            {
                result.AddError($"Exactly one of {string.Join(", ", choices.Select(option => option.Name))} is needed.");
            }
        });
    }

    /// <summary>The enclave that was named.</summary>
    /// <exception cref="EnclaveException">There is none.</exception>
    public Task<EnclaveEntry> FindAsync(ParseResult parsed, EnclaveRegistry registry, CancellationToken cancellationToken) => parsed.GetValue(Id) is { } id
        ? registry.FindAsync(id, cancellationToken)
        : registry.FindByNameAsync(parsed.GetValue(Name)!, cancellationToken);
}
