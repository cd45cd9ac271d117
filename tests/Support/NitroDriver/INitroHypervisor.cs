namespace NitroEnclaves.Tests;

/// <summary>The hypervisor, to which the driver hands on what it has found to be in order.</summary>
interface INitroHypervisor
{
    /// <summary>Carries out a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="slot">The enclave's slot, where there is one already.</param>
    /// <param name="first">Memory: its physical address. vCPU: its number. Start: the CID, or 0.</param>
    /// <param name="second">Memory: its size. Start: the flags.</param>
    NitroReply Execute(NitroCommand command, ulong slot = 0, ulong first = 0, ulong second = 0);
}
