namespace NitroEnclaves.Enclaves;

/// <summary>Where an enclave is in its life, as <c>describe-enclaves</c> prints it in capitals.</summary>
public enum EnclaveState
{
    /// <summary>Its process is there, its heartbeat has not come yet. nitro-cli calls this EMPTY.</summary>
    Starting,

    /// <summary>Its heartbeat has come.</summary>
    Running,

    /// <summary>It has ended and waits to be started again. nitro-cli calls this EMPTY.</summary>
    Restarting,

    /// <summary>It is being ended.</summary>
    Terminating,
}
