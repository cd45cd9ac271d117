namespace NitroEnclaves.Enclaves;

/// <summary>Payload bytes over an enclave's vsock.</summary>
/// <param name="BytesFromEnclave">Those that programs outside have taken.</param>
/// <param name="BytesToEnclave">Those that were sent to the enclave.</param>
public readonly record struct VsockTraffic(long BytesFromEnclave, long BytesToEnclave);
