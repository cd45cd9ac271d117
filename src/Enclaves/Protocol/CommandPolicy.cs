namespace NitroEnclaves.Enclaves;

/// <summary>
/// Who may command an enclave: its owner and root everything, everybody else may look (eif-and-nitro-cli 3.5). What an enclave prints
/// is not for everybody.
/// </summary>
static class CommandPolicy
{
    const uint Root = 0;

    public static bool PermitsAll(uint userId, uint owner) => userId == owner || userId == Root;

    public static bool Permits(EnclaveCommand command, uint userId, uint owner) => PermitsAll(userId, owner)
        || command is EnclaveCommand.Describe or EnclaveCommand.GetEnclaveCID
            or EnclaveCommand.GetEnclaveFlags or EnclaveCommand.GetEnclaveName or EnclaveCommand.GetIDbyName or EnclaveCommand.Wait
            or EnclaveCommand.Statistics;
}
