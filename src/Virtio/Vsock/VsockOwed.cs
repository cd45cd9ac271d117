namespace NitroEnclaves.Virtio;

/// <summary>
/// Packets without payload that a connection owes its guest. They wait as bits until there are receive buffers, so a guest that provides
/// none makes no queue grow.
/// </summary>
[Flags]
enum VsockOwed
{
    None = 0,
    Request = 1,
    Response = 2,
    CreditUpdate = 4,
    Reset = 8,
}
