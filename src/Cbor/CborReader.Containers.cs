namespace NitroEnclaves.Cbor;

public ref partial struct CborReader
{
    /// <summary>Enters an array.</summary>
    /// <returns>The number of its items; null for an array of indefinite length.</returns>
    /// <exception cref="CborException">The next item is none, lies too deep, or announces more items than the data can hold.</exception>
    public int? ReadStartArray() => ReadStart(CborMajorType.Array);

    /// <summary>Enters a map.</summary>
    /// <returns>The number of its pairs; null for a map of indefinite length.</returns>
    /// <exception cref="CborException">The next item is none, lies too deep, or announces more pairs than the data can hold.</exception>
    public int? ReadStartMap() => ReadStart(CborMajorType.Map);

    /// <summary>Leaves the innermost array, which must have no further item.</summary>
    /// <exception cref="CborException">It has.</exception>
    /// <exception cref="InvalidOperationException">The innermost container is not an array.</exception>
    public void ReadEndArray() => ReadEnd(isMap: false);

    /// <summary>Leaves the innermost map, which must have no further pair.</summary>
    /// <exception cref="CborException">It has.</exception>
    /// <exception cref="InvalidOperationException">The innermost container is not a map.</exception>
    public void ReadEndMap() => ReadEnd(isMap: true);

    /// <summary>Leaves the innermost array if it has no further item.</summary>
    /// <returns>Whether it was left.</returns>
    /// <exception cref="CborException">The data ends early or is malformed.</exception>
    /// <exception cref="InvalidOperationException">The innermost container is not an array.</exception>
    public bool TryReadEndArray() => TryReadEnd(isMap: false);

    /// <summary>Leaves the innermost map if it has no further pair.</summary>
    /// <returns>Whether it was left.</returns>
    /// <exception cref="CborException">The data ends early or is malformed.</exception>
    /// <exception cref="InvalidOperationException">The innermost container is not a map.</exception>
    public bool TryReadEndMap() => TryReadEnd(isMap: true);

    int? ReadStart(CborMajorType type)
    {
        var head = NextHead(type);
        Open(head);
        return head.IsIndefinite ? null : (int)head.Argument;
    }

    /// <summary>Steps over the head of an array or map, counts it in its own container, and makes it the innermost.</summary>
    void Open(scoped in CborHead head)
    {
        if (_depth == _depthLimit)
        {
            CborException.Throw(CborError.DepthExceeded, _position);
        }

        // Each item takes a byte at least, so that a count is never larger than an int.
        var isMap = head.MajorType == CborMajorType.Map;
        var room = (ulong)(BytesRemaining - head.Length);
        if (head.Argument > (isMap ? room / 2 : room))
        {
            CborException.Throw(CborError.LengthExceedsData, _position);
        }

        Consume(head);
        _frames[_depth++] = new CborFrame
        {
            IsMap = isMap,
            Items = head.IsIndefinite ? -1 : (int)head.Argument * (isMap ? 2 : 1),
        };
    }

    void ReadEnd(bool isMap)
    {
        if (!TryReadEnd(isMap))
        {
            CborException.Throw(CborError.ContainerNotFinished, _position);
        }
    }

    bool TryReadEnd(bool isMap)
    {
        if (_depth == 0 || _frames[_depth - 1].IsMap != isMap)
        {
            throw new InvalidOperationException($"The innermost open container is not {(isMap ? "a map" : "an array")}.");
        }

        return !_tagPending && TryClose();
    }

    /// <summary>Leaves the innermost container if it has no further item.</summary>
    bool TryClose()
    {
        ref var frame = ref _frames[_depth - 1];
        if (frame.Items > 0)
        {
            return false;
        }

        if (frame.IsIndefinite)
        {
            if (!CborHead.Decode(_data, _position).IsBreak)
            {
                return false;
            }

            CheckBreak();
            _position++;
        }

        _depth--;
        return true;
    }
}
