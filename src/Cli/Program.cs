using System.CommandLine;
using NitroEnclaves.Cli.Commands;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli;

/// <summary>The <c>nitro</c> command: parses, calls the libraries, prints.</summary>
static class Program
{
    static async Task<int> Main(string[] arguments)
    {
        if (EnclaveProcessCommand.Matches(arguments))
        {
            return await EnclaveProcessCommand.RunAsync();
        }

        if (CompanionCommand.Find(arguments) is { } companion)
        {
            return companion.Run(arguments);
        }

        if (CallName.Version is { } version && arguments is ["--version" or "-V"])
        {
            Console.Out.WriteLine(version);
            return 0;
        }

        if (CallName.Verb is { } verb)
        {
            arguments = [verb, .. arguments];
        }

        using var launcher = EnclaveLauncher.ForThisProgram();
        if (RunEnclaveCommand.Starts(arguments))
        {
            launcher.StartAhead();
        }

        var root = CreateRootCommand(launcher);
        if (arguments.Length == 0)
        {
            // As nitro-cli: no arguments are a usage error that shows the help.
            await root.Parse("--help").InvokeAsync();
            return ExitCodes.Misuse;
        }

        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync($"error: {error.Message}");
            }

            await Console.Error.WriteLineAsync($"For the flags: nitro {string.Join(' ', arguments.TakeWhile(a => !a.StartsWith('-')).Take(1))} --help");
            return ExitCodes.Misuse;
        }

        var invocation = new InvocationConfiguration { EnableDefaultExceptionHandler = false };
        if (parsed.CommandResult.Command.Name is ExecCommand.Name or VsockProxyCommand.Name)
        {
            // Ctrl-C is for the program inside, or for the proxy itself; by default it would end this process some seconds later.
            invocation.ProcessTerminationTimeout = null;
        }

        return await parsed.InvokeAsync(invocation);
    }

    /// <summary>The command with all its verbs.</summary>
    /// <param name="launcher">Starts the enclaves of <c>run-enclave</c>.</param>
    public static RootCommand CreateRootCommand(EnclaveLauncher launcher) => new("Builds, describes, runs, watches and stops AWS Nitro Enclaves, on Nitro hosts and emulated anywhere.")
    {
        DemoCommand.Create(),
        BuildEnclaveCommand.Create(),
        DescribeEifCommand.Create(),
        ValidateEifCommand.Create(),
        DiffEifCommand.Create(),
        ExtractEifCommand.Create(),
        PcrCommand.Create(),
        SignEifCommand.Create(),
        RunEnclaveCommand.Create(launcher),
        ConsoleCommand.Create(),
        ExecCommand.Create(),
        DescribeEnclavesCommand.Create(),
        WaitEnclaveCommand.Create(),
        TerminateEnclaveCommand.Create(),
        AttestCommand.Create(),
        AllocateCommand.Create(),
        CompanionCommand.KmsEmulator.Create(),
        CompanionCommand.Serve.Create(),
        VsockProxyCommand.Create(),
        VsockDeviceCommand.Create(),
        DoctorCommand.Create(),
        ExplainCommand.Create(),
    };
}
