namespace NitroEnclaves.Virtio;

/// <summary>Bits of the vhost-user protocol itself.</summary>
static class VhostUserFeatures
{
    /// <summary>
    /// VHOST_USER_F_PROTOCOL_FEATURES, a bit of the virtio feature word: protocol features exist, and rings start disabled.
    /// </summary>
    internal const ulong ProtocolFeatures = 1UL << 30;

    /// <summary>VHOST_USER_PROTOCOL_F_MQ: the number of queues can be asked for.</summary>
    internal const ulong MultipleQueues = 1UL << 0;

    /// <summary>VHOST_USER_PROTOCOL_F_REPLY_ACK: a message may ask for an acknowledgement.</summary>
    internal const ulong ReplyAcknowledge = 1UL << 3;

    /// <summary>VHOST_USER_PROTOCOL_F_CONFIG: the configuration space comes from the back end.</summary>
    internal const ulong Configuration = 1UL << 9;

    /// <summary>
    /// What is offered: 0x209, or 0x9 for a device without configuration space, where QEMU would complain. More makes QEMU wait
    /// for messages that never come.
    /// </summary>
    internal static ulong Offered(IVirtioDevice device) =>
        MultipleQueues | ReplyAcknowledge | (device.Configuration.IsEmpty ? 0 : Configuration);
}
