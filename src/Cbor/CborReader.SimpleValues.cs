namespace NitroEnclaves.Cbor;

public ref partial struct CborReader
{
    internal const byte False = 20;
    internal const byte True = 21;
    internal const byte Null = 22;

    /// <summary>Reads false or true.</summary>
    /// <exception cref="CborException">The next item is neither.</exception>
    public bool ReadBoolean()
    {
        var head = NextHead(CborMajorType.Simple);
        if (head.AdditionalInformation is not (False or True))
        {
            CborException.Throw(CborError.UnexpectedType, _position);
        }

        Consume(head);
        return head.AdditionalInformation == True;
    }

    /// <summary>Reads null.</summary>
    /// <exception cref="CborException">The next item is something else.</exception>
    public void ReadNull()
    {
        if (!TryReadNull())
        {
            CborException.Throw(CborError.UnexpectedType, _position);
        }
    }

    /// <summary>Reads null if it comes next.</summary>
    /// <returns>Whether it did.</returns>
    /// <exception cref="CborException">There is no next item, or its head is malformed.</exception>
    public bool TryReadNull()
    {
        var head = NextHead();
        if (head.MajorType != CborMajorType.Simple || head.AdditionalInformation != Null)
        {
            return false;
        }

        Consume(head);
        return true;
    }

    /// <summary>Reads a tag. The tagged item, or another tag, must follow.</summary>
    /// <exception cref="CborException">The next item has none.</exception>
    public ulong ReadTag()
    {
        var head = NextHead(CborMajorType.Tag);
        StepOverTag(head);
        return head.Argument;
    }

    /// <summary>A tag is no item of its own: the item that it stands before counts.</summary>
    void StepOverTag(scoped in CborHead head)
    {
        Note(head);
        _position += head.Length;
        _tagPending = true;
    }
}
