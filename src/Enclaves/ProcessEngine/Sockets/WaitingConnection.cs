using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// A connection of the parent that a program in the enclave has not accepted yet. Its stand-in is connected to the program's listening
/// socket, which makes that readable and counts against its backlog; when the program accepts, it gets the client itself.
/// </summary>
sealed class WaitingConnection(EnclaveConnections owner, uint number, SafeDescriptor client, SafeDescriptor standIn, VsockEndPoint remote) : IReadyHandler
{
    EventRegistration? _registration;

    /// <summary>The number in the stand-in's name.</summary>
    public uint Number => number;

    /// <summary>The parent's end.</summary>
    public SafeDescriptor Client => client;

    /// <summary>The other end in the program's eyes.</summary>
    public VsockEndPoint Remote => remote;

    /// <summary>Hears when the program's listening socket is closed, or has accepted.</summary>
    public void Watch(EventLoop loop) =>
        _registration = loop.Register(standIn, ReadyEvents.ReadHangUp | ReadyEvents.EdgeTriggered, this);

    public void OnReady(ReadyEvents events)
    {
        _registration?.Dispose();
        standIn.Dispose();
        if (owner.Forget(this))
        {
            client.Dispose();
        }
    }

    /// <summary>Ends it without anybody having accepted; on the loop's thread.</summary>
    public void Close()
    {
        _registration?.Dispose();
        standIn.Dispose();
        client.Dispose();
    }
}
