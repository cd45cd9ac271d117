namespace NitroEnclaves.Tests;

/// <summary>The states of an enclave, as the hypervisor tells the driver.</summary>
enum NitroSlotState : ushort
{
    Initial = 0,
    Running = 2,
    Stopped = 0xFFFF,
}
