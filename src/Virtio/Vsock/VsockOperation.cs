namespace NitroEnclaves.Virtio;

/// <summary>What a packet says: <c>enum virtio_vsock_op</c> (virtio 1.3, 5.10.6).</summary>
enum VsockOperation : ushort
{
    Invalid = 0,

    /// <summary>Asks for a connection.</summary>
    Request = 1,

    /// <summary>Grants a connection.</summary>
    Response = 2,

    /// <summary>Refuses or ends a connection; the answer to whatever belongs to none. Never answered itself.</summary>
    Reset = 3,

    /// <summary>Says in flags what the sender will not do any more.</summary>
    Shutdown = 4,

    /// <summary>Carries bytes.</summary>
    ReadWrite = 5,

    /// <summary>Carries nothing but the credit fields that every packet has.</summary>
    CreditUpdate = 6,

    /// <summary>Asks for a <see cref="CreditUpdate"/>.</summary>
    CreditRequest = 7,
}
