namespace NitroEnclaves.Enclaves;

/// <summary>An enclave whose namespaces other processes of this machine can enter, for looking inside.</summary>
interface IEnterableEnclave
{
    /// <summary>What an entering process has to know.</summary>
    EnclaveEntrance Entrance { get; }

    /// <summary>Begins to answer the calls of a process that has entered, and limits it like the enclave's own.</summary>
    /// <param name="process">The process, which has installed the enclave's filter and waits.</param>
    /// <exception cref="EnclaveException">It is none that has entered, or has no filter (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    void Admit(int process);
}
