namespace NitroEnclaves.Tests;

/// <summary>What Linux's driver asks of the hypervisor (<c>ne_pci_dev.h</c>).</summary>
enum NitroCommand : uint
{
    EnclaveStart = 1,
    EnclaveGetSlot = 2,
    EnclaveStop = 3,
    SlotAllocate = 4,
    SlotFree = 5,
    SlotAddMemory = 6,
    SlotAddVcpu = 7,
    SlotCount = 8,
    NextSlot = 9,
    SlotInfo = 10,
    SlotAddVcpus = 11,
}
