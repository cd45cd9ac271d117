namespace NitroEnclaves.Enclaves;

/// <summary>Where lines of the log go.</summary>
interface IEnclaveLogOutput
{
    /// <summary>Writes a line; a failure is nobody's.</summary>
    void Write(EnclaveLogLine line);
}
