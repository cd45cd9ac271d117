using System.CommandLine;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro explain --error-code E26</c>: what an error code means and what to do (on stderr, as nitro-cli does).</summary>
static class ExplainCommand
{
    public static Command Create()
    {
        var code = new Option<string>("--error-code") { Required = true, HelpName = "Exx", Description = "The code in brackets, for example E26." };
        var command = new Command("explain", "Say what an error code means and what to do about it.") { code };
        command.SetAction(parsed =>
        {
            var text = parsed.GetRequiredValue(code);
            if (ErrorCatalog.Find(text) is not { } known)
            {
                Console.Error.WriteLine($"No such error code: {text}. Codes go from E00 to E60.");
                return ExitCodes.Success;
            }

            Console.Error.WriteLine($"E{known.Number:D2} {known.Name}: {known.Meaning} {known.NextStep}");
            return ExitCodes.Success;
        });
        return command;
    }
}
