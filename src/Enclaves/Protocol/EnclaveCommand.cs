namespace NitroEnclaves.Enclaves;

/// <summary>The commands that an enclave's process takes on its socket: nitro-cli's (eif-and-nitro-cli 3.5), then our own.</summary>
enum EnclaveCommand
{
    /// <summary>Starts an enclave in a process that has none; one that has answers EEXIST.</summary>
    Run,

    Terminate,
    Describe,
    GetEnclaveCID,
    GetEnclaveFlags,
    GetEnclaveName,
    GetIDbyName,

    /// <summary>Ours: the console from its beginning, then live. Argument: whether to follow.</summary>
    Console,

    /// <summary>Ours: waits for the enclave's end and says how it came.</summary>
    Wait,

    /// <summary>Ours: what the enclave has done so far.</summary>
    Statistics,

    /// <summary>Ours: where the enclave is, for a process that is to enter it; process engine and debug mode only.</summary>
    Enter,

    /// <summary>Ours: answers the calls of a process that has entered. Argument: its id.</summary>
    Admit,
}
