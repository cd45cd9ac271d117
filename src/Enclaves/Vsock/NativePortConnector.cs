using System.Buffers.Binary;
using NitroEnclaves.Virtio;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>Connects a guest's requests to the same port of a CID of this machine's own vsock (<c>AF_VSOCK</c>).</summary>
/// <param name="cid">The CID; 1 is this machine itself, where its kernel has <c>vsock_loopback</c>.</param>
sealed class NativePortConnector(uint cid) : IVsockBackend
{
    /// <summary>Bytes of <c>struct sockaddr_vm</c>: u16 family, u16 reserved, u32 port, u32 cid, u8 flags, three zeros.</summary>
    internal const int AddressSize = 16;

    public VsockConnectResult Connect(in VsockConnectRequest request)
    {
        Span<byte> address = stackalloc byte[AddressSize];
        WriteAddress(cid, request.Port, address);
        return SocketConnector.Create(VsockAddress.Family) is { } socket ? SocketConnector.Connect(socket, address) : VsockConnectResult.Refused;
    }

    /// <summary>Writes a <c>struct sockaddr_vm</c>, in the machine's byte order.</summary>
    internal static void WriteAddress(uint cid, uint port, Span<byte> address)
    {
        address[..AddressSize].Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(address, VsockAddress.Family);
        BinaryPrimitives.WriteUInt32LittleEndian(address[4..], port);
        BinaryPrimitives.WriteUInt32LittleEndian(address[8..], cid);
    }
}
