namespace NitroEnclaves.Cbor;

public ref partial struct CborReader
{
    /// <summary>Reads an unsigned integer of up to 64 bits.</summary>
    /// <exception cref="CborException">The next item is none.</exception>
    public ulong ReadUInt64()
    {
        var head = NextHead(CborMajorType.UnsignedInteger);
        Consume(head);
        return head.Argument;
    }

    /// <summary>Reads an unsigned integer of up to 32 bits, in whatever form.</summary>
    /// <exception cref="CborException">The next item is none, or larger.</exception>
    public uint ReadUInt32() => (uint)ReadUInt64(uint.MaxValue);

    /// <summary>Reads an unsigned integer of up to 16 bits, in whatever form.</summary>
    /// <exception cref="CborException">The next item is none, or larger.</exception>
    public ushort ReadUInt16() => (ushort)ReadUInt64(ushort.MaxValue);

    /// <summary>Reads an unsigned integer of up to 8 bits, in whatever form.</summary>
    /// <exception cref="CborException">The next item is none, or larger.</exception>
    public byte ReadByte() => (byte)ReadUInt64(byte.MaxValue);

    /// <summary>Reads a signed integer of 64 bits: major type 0 or 1.</summary>
    /// <exception cref="CborException">The next item is none, or out of range.</exception>
    public long ReadInt64() => ReadInt64(long.MaxValue);

    /// <summary>Reads a signed integer of 32 bits: major type 0 or 1.</summary>
    /// <exception cref="CborException">The next item is none, or out of range.</exception>
    public int ReadInt32() => (int)ReadInt64(int.MaxValue);

    ulong ReadUInt64(ulong maximum)
    {
        var head = NextHead(CborMajorType.UnsignedInteger);
        if (head.Argument > maximum)
        {
            CborException.Throw(CborError.IntegerOverflow, _position);
        }

        Consume(head);
        return head.Argument;
    }

    /// <summary>The argument of a negative integer n is -1 - n, so that one maximum bounds both signs.</summary>
    long ReadInt64(long maximum)
    {
        var head = NextHead();
        if (head.MajorType > CborMajorType.NegativeInteger)
        {
            CborException.Throw(CborError.UnexpectedType, _position);
        }

        if (head.Argument > (ulong)maximum)
        {
            CborException.Throw(CborError.IntegerOverflow, _position);
        }

        Consume(head);
        var argument = (long)head.Argument;
        return head.MajorType == CborMajorType.UnsignedInteger ? argument : ~argument;
    }
}
