namespace NitroEnclaves.Vsock;

/// <summary>Why a vsock operation failed: the reason of a <see cref="VsockException"/>.</summary>
public enum VsockError
{
    /// <summary>The operating system reported something else; the inner exception says what.</summary>
    SocketFailed,

    /// <summary>Nobody listens at that port, or the peer has reset the connection request.</summary>
    ConnectionRefused,

    /// <summary>The peer has reset an established connection, or has gone away.</summary>
    ConnectionReset,

    /// <summary>No way leads to that CID from here: no resolver knows it, or the machine has no vsock transport.</summary>
    Unreachable,

    /// <summary>No connection, or no byte, within the time allowed.</summary>
    TimedOut,

    /// <summary>The Unix socket of an emulated enclave answered <c>CONNECT</c> with something other than <c>OK</c>.</summary>
    HandshakeFailed,

    /// <summary>The address is in use by another listener.</summary>
    AddressInUse,

    /// <summary>A frame announces a length above the limit.</summary>
    FrameTooLarge,

    /// <summary>The peer has closed the connection within a frame.</summary>
    FrameTruncated,

    /// <summary>The parent's proxy does not lead to that server, by its allowlist or otherwise.</summary>
    ProxyRefused,
}
