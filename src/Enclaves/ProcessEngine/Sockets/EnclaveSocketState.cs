using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>What a program's AF_VSOCK socket is, beyond the Unix socket that it is made of. Guarded by itself.</summary>
sealed class EnclaveSocketState
{
    /// <summary>The number under which <c>/proc/net/unix</c> lists the socket as long as it is open.</summary>
    public required ulong Inode { get; init; }

    /// <summary>Whether it keeps messages (SOCK_SEQPACKET) or is a stream.</summary>
    public bool KeepsMessages { get; init; }

    /// <summary>The socket's own address; any CID and any port until it is bound or connected.</summary>
    public VsockEndPoint Local { get; set; } = VsockPeerName.Unknown;

    /// <summary>The other end; null until it is connected.</summary>
    public VsockEndPoint? Remote { get; set; }

    /// <summary>Whether the Unix socket has a name.</summary>
    public bool IsNamed { get; set; }

    /// <summary>The error that a non-blocking connect left for SO_ERROR; 0 for none.</summary>
    public int PendingError { get; set; }
}
