using System.CommandLine;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary>The options that say when an enclave is started again after its end.</summary>
sealed class RestartOptions
{
    readonly Option<string?> _mode = new Option<string?>("--restart")
    {
        HelpName = "no|on-failure|always",
        Description = "Start the enclave again after its end: on-failure after every end but exit status 0, always after every end but a termination (default: no). The pause between doubles from --restart-delay to a minute.",
    };

    readonly Option<int?> _limit = new("--restart-limit") { HelpName = "N", Description = "Give up after so many restarts in a row; a minute of running begins a new row (default: 10)." };

    readonly Option<double?> _delay = new("--restart-delay") { HelpName = "SECONDS", Description = "The pause before the first restart of a row (default: 1)." };

    public RestartOptions() => _mode.AcceptOnlyFromAmong("no", "on-failure", "always");

    public void AddTo(Command command)
    {
        command.Add(_mode);
        command.Add(_limit);
        command.Add(_delay);
    }

    /// <summary>The policy of the command line, where it says one, over that of a configuration file.</summary>
    /// <exception cref="EnclaveException">A value is out of range.</exception>
    public RestartPolicy Over(RestartPolicy file, ParseResult parsed) =>
        file.With(parsed.GetValue(_mode), parsed.GetValue(_limit), parsed.GetValue(_delay));
}
