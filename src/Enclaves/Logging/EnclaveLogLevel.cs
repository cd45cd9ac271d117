namespace NitroEnclaves.Enclaves;

/// <summary>How much a line of the log matters, by nitro-cli's names.</summary>
enum EnclaveLogLevel
{
    Error,
    Warn,
    Info,
}
