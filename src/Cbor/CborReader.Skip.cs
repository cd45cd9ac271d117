namespace NitroEnclaves.Cbor;

public ref partial struct CborReader
{
    /// <summary>Steps over the next item with all that is inside it, checking that it is well-formed.</summary>
    /// <exception cref="CborException">There is no next item, it is malformed, or it is nested too deeply.</exception>
    public void SkipValue()
    {
        // The frames are the stack: an item is done once the depth is back and no tag waits.
        var before = this;
        try
        {
            do
            {
                if (_depth == before._depth || _tagPending || !TryClose())
                {
                    SkipHead();
                }
            }
            while (_depth > before._depth || _tagPending);
        }
        catch (CborException)
        {
            this = before;
            throw;
        }
    }

    /// <summary>Steps over the next item and gives its bytes as they stand in the data, tags included.</summary>
    /// <returns>The encoded item, inside the reader's data.</returns>
    /// <exception cref="CborException">There is no next item, it is malformed, or it is nested too deeply.</exception>
    public ReadOnlySpan<byte> ReadEncodedValue()
    {
        var start = _position;
        SkipValue();
        return _data[start.._position];
    }

    /// <summary>Steps over a tag, a value without items, or the head of an array or map.</summary>
    void SkipHead()
    {
        var head = NextHead();
        switch (head.MajorType)
        {
            case CborMajorType.ByteString or CborMajorType.TextString when head.IsIndefinite:
                MeasureChunks(head.MajorType, out var end, out var isShortest);
                ConsumeChunks(head, end, isShortest);
                break;
            case CborMajorType.ByteString or CborMajorType.TextString:
                Consume(head, Content(head, _position).Length);
                break;
            case CborMajorType.Array or CborMajorType.Map:
                Open(head);
                break;
            case CborMajorType.Tag:
                StepOverTag(head);
                break;
            default:
                Consume(head);
                break;
        }
    }
}
