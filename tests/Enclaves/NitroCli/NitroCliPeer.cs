using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>
/// nitro-cli's end of the command protocol, byte by byte from its description (eif-and-nitro-cli 3.5): it shares no encoder with the product.
/// </summary>
sealed class NitroCliPeer : IDisposable
{
    readonly NetworkStream _stream;

    public NitroCliPeer(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        _stream = new NetworkStream(socket, ownsSocket: true) { ReadTimeout = 10_000 };
    }

    /// <summary>Sends a command twice: a length of eight bytes, then a CBOR text of up to 23 bytes.</summary>
    public void SendCommand(string name)
    {
        var item = (byte[])[(byte)(0x60 + name.Length), .. Encoding.ASCII.GetBytes(name)];
        Send(item);
        Send(item);
    }

    public void Send(byte[] item)
    {
        SendRaw([(byte)item.Length, 0, 0, 0, 0, 0, 0, 0]);
        SendRaw(item);
    }

    public void SendRaw(byte[] bytes) => _stream.Write(bytes);

    public void HangUp() => _stream.Socket.Shutdown(SocketShutdown.Send);

    public ulong ReadNumber()
    {
        var bytes = new byte[8];
        _stream.ReadExactly(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Reads a framed item; null at the end of the stream.</summary>
    public byte[]? ReadItem()
    {
        var first = _stream.ReadByte();
        if (first < 0)
        {
            return null;
        }

        var rest = new byte[7];
        _stream.ReadExactly(rest);
        var item = new byte[BinaryPrimitives.ReadUInt64LittleEndian([(byte)first, .. rest])];
        _stream.ReadExactly(item);
        return item;
    }

    /// <summary>Reads <c>{"StdOutMessage": text}</c> or the like and gives the text.</summary>
    public string ReadText(string key) => TextOf(ReadItem() ?? throw new EndOfStreamException(), key);

    /// <summary>The text of such an item.</summary>
    public static string TextOf(byte[] item, string key)
    {
        var head = (byte[])[0xa1, (byte)(0x60 + key.Length), .. Encoding.ASCII.GetBytes(key)];
        Assert.Equal(head, item[..head.Length]);
        var (offset, length) = item[head.Length] switch
        {
            0x78 => (2, item[head.Length + 1]),
            0x79 => (3, BinaryPrimitives.ReadUInt16BigEndian(item.AsSpan(head.Length + 1))),
            var small => (1, small - 0x60),
        };
        Assert.Equal(head.Length + offset + length, item.Length);
        return Encoding.UTF8.GetString(item, head.Length + offset, length);
    }

    public void Dispose() => _stream.Dispose();
}
