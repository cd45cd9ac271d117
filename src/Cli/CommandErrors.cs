using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Cli;

/// <summary>Turns what a library threw into one line for the user and an exit code.</summary>
static class CommandErrors
{
    /// <summary>Runs a command's work; its exit code is 0, or the number of the E-code of what failed.</summary>
    public static int Run(Action work) => RunAsync(() =>
    {
        work();
        return Task.FromResult(ExitCodes.Success);
    }).GetAwaiter().GetResult();

    /// <inheritdoc cref="Run"/>
    public static async Task<int> RunAsync(Func<Task<int>> work)
    {
        try
        {
            return await work();
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("Interrupted.");
            return ExitCodes.Interrupted;
        }
        catch (Exception exception) when (Describe(exception) is { } failure)
        {
            await TellAsync(failure.Code, failure.Message, exception);

            // A failure without a number of nitro-cli's (its E00) is a failure all the same.
            return failure.Code == 0 ? 1 : failure.Code;
        }
    }

    /// <summary>Prints a failure: one line, what the enclave printed last, and for those who call nitro-cli what that says beside it.</summary>
    /// <param name="code">nitro-cli's code.</param>
    /// <param name="message">The line.</param>
    /// <param name="exception">Where both come from.</param>
    public static async Task TellAsync(int code, string message, Exception exception)
    {
        await Console.Error.WriteLineAsync($"[ E{code:D2} ] {message}");
        if (exception is EnclaveException { ConsoleTail: { Length: > 0 } tail })
        {
            await Console.Error.WriteLineAsync($"The end of its console:\n{tail.TrimEnd()}");
        }

        if (CallName.IsNitroCli)
        {
            await Console.Error.WriteLineAsync(NitroCliBacktrace.Describe(code, Environment.GetCommandLineArgs().ElementAtOrDefault(1) ?? "", exception, DateTimeOffset.UtcNow));
        }
    }

    static (int Code, string Message)? Describe(Exception exception) => exception switch
    {
        CommandFailure failure => (failure.Code, failure.Message),
        EnclaveException failure => (failure.NitroCliCode, failure.Message),
        EifException failure => (35, failure.Message),
        EifSigningException failure => (60, failure.Message),
        NitroCliException failure => (failure.Code, failure.Message),
        RootFileSystemException failure => (48, failure.Message),
        ContainerRegistryException failure => (50, failure.Message),
        AttestationException failure => (ExitCodes.Refused, failure.Message),
        VsockException failure => (11, failure.Message),
        ArgumentException failure => (3, failure.Message),
        UnauthorizedAccessException or IOException => (19, exception.Message),
        _ => null,
    };
}
