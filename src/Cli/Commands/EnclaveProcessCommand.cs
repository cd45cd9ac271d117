using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary>The hidden verb under which the command starts itself again as the background process of one enclave.</summary>
static class EnclaveProcessCommand
{
    public static bool Matches(string[] arguments) => arguments is [EnclaveProcess.Verb];

    public static Task<int> RunAsync() => EnclaveProcess.RunAsync();
}
