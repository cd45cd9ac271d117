namespace NitroEnclaves.Cbor;

/// <summary>
/// Reads CBOR (RFC 8949) from a span: items in order, definite and indefinite lengths, with a fixed depth limit.
/// </summary>
/// <remarks>
/// <para>
/// Made for hostile data. Nothing is allocated but the strings asked for, nothing recurses, every length is compared
/// with the data before it is used, and whatever is wrong is a <see cref="CborException"/> with a <see cref="CborError"/>.
/// A read that throws leaves the reader where it was, so that another type can be tried.
/// </para>
/// <para>
/// Keys of a map are items like any other; their uniqueness is for the caller to check. After the last item,
/// <see cref="ReadEndOfData"/> refuses what may follow. Calls that fit no data (closing what was never opened)
/// throw <see cref="InvalidOperationException"/>.
/// </para>
/// <code>
/// var reader = new CborReader(data);
/// reader.ReadStartMap();
/// while (!reader.TryReadEndMap())
/// {
///     var key = reader.ReadTextStringBytes();
///     ...
/// }
/// reader.ReadEndOfData();
/// </code>
/// </remarks>
public ref partial struct CborReader
{
    /// <summary>The most arrays and maps inside each other that any reader follows.</summary>
    public const int MaximumDepth = 16;

    readonly ReadOnlySpan<byte> _data;
    readonly int _depthLimit;
    int _position;
    int _depth;
    bool _tagPending;
    CborFrames _frames;

    /// <summary>Reads <paramref name="data"/> from its first byte.</summary>
    /// <param name="data">The encoded items.</param>
    /// <param name="depthLimit">How many arrays and maps may stand inside each other, 0 to <see cref="MaximumDepth"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="depthLimit"/> is out of range.</exception>
    public CborReader(ReadOnlySpan<byte> data, int depthLimit = MaximumDepth)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(depthLimit);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(depthLimit, MaximumDepth);
        _data = data;
        _depthLimit = depthLimit;
        IsShortestForm = true;
        IsShortestFormThroughout = true;
    }

    /// <summary>The offset of the next byte to be read.</summary>
    public readonly int Position => _position;

    /// <summary>The number of bytes not yet read.</summary>
    public readonly int BytesRemaining => _data.Length - _position;

    /// <summary>How many arrays and maps are open.</summary>
    public readonly int Depth => _depth;

    /// <summary>
    /// Whether the integer, length, count or tag read last was in its shortest form. Of a string in chunks: whether all its lengths were.
    /// </summary>
    public bool IsShortestForm { get; private set; }

    /// <summary>Whether everything read so far, skipped items included, was in its shortest form.</summary>
    public bool IsShortestFormThroughout { get; private set; }

    /// <summary>Whether an array, map or string of indefinite length has been read or skipped so far.</summary>
    public bool HasIndefiniteLength { get; private set; }

    /// <summary>Tells what comes next without reading it.</summary>
    /// <exception cref="CborException">The next head is malformed, or a break stands where none may.</exception>
    public readonly CborType PeekType()
    {
        if (_depth > 0 && _frames[_depth - 1].Items == 0)
        {
            return CborType.EndOfContainer;
        }

        if (_position == _data.Length && _depth == 0 && !_tagPending)
        {
            return CborType.EndOfData;
        }

        var head = CborHead.Decode(_data, _position);
        switch (head.MajorType)
        {
            case CborMajorType.UnsignedInteger:
                return CborType.UnsignedInteger;
            case CborMajorType.NegativeInteger:
                return CborType.NegativeInteger;
            case CborMajorType.ByteString:
                return head.IsIndefinite ? CborType.IndefiniteByteString : CborType.ByteString;
            case CborMajorType.TextString:
                return head.IsIndefinite ? CborType.IndefiniteTextString : CborType.TextString;
            case CborMajorType.Array:
                return CborType.Array;
            case CborMajorType.Map:
                return CborType.Map;
            case CborMajorType.Tag:
                return CborType.Tag;
        }

        if (head.IsBreak)
        {
            CheckBreak();
            return CborType.EndOfContainer;
        }

        return head.AdditionalInformation switch
        {
            20 or 21 => CborType.Boolean,
            22 => CborType.Null,
            23 => CborType.Undefined,
            25 or 26 or 27 => CborType.Float,
            _ => CborType.SimpleValue,
        };
    }

    /// <summary>Requires that everything has been read: no open array or map, no tag without value, no further byte.</summary>
    /// <exception cref="CborException">Something is left.</exception>
    public readonly void ReadEndOfData()
    {
        if (_tagPending)
        {
            CborException.Throw(CborError.MissingTaggedValue, _position);
        }

        if (_depth > 0)
        {
            CborException.Throw(CborError.ContainerNotFinished, _position);
        }

        if (_position != _data.Length)
        {
            CborException.Throw(CborError.TrailingData, _position);
        }
    }

    /// <summary>Decodes the head of the next item, provided that the innermost container has one.</summary>
    readonly CborHead NextHead()
    {
        if (_depth > 0 && _frames[_depth - 1].Items == 0)
        {
            CborException.Throw(CborError.EndOfContainer, _position);
        }

        var head = CborHead.Decode(_data, _position);
        if (head.IsBreak)
        {
            CheckBreak();
            CborException.Throw(CborError.EndOfContainer, _position);
        }

        return head;
    }

    readonly CborHead NextHead(CborMajorType expected)
    {
        var head = NextHead();
        if (head.MajorType != expected)
        {
            CborException.Throw(CborError.UnexpectedType, _position);
        }

        return head;
    }

    /// <summary>A break byte stands next: it must end the innermost container, after a whole pair and not after a tag.</summary>
    readonly void CheckBreak()
    {
        if (_tagPending)
        {
            CborException.Throw(CborError.MissingTaggedValue, _position);
        }

        if (_depth == 0 || !_frames[_depth - 1].IsIndefinite)
        {
            CborException.Throw(CborError.UnexpectedBreak, _position);
        }

        if (_frames[_depth - 1].MissesValue)
        {
            CborException.Throw(CborError.MissingMapValue, _position);
        }
    }

    /// <summary>Steps over an item's head and content and counts the item in its container.</summary>
    void Consume(scoped in CborHead head, int contentLength = 0)
    {
        Note(head);
        _position += head.Length + contentLength;
        CountItem();
    }

    void CountItem()
    {
        _tagPending = false;
        if (_depth > 0)
        {
            _frames[_depth - 1].Items--;
        }
    }

    void Note(scoped in CborHead head)
    {
        IsShortestForm = head.IsShortest;
        IsShortestFormThroughout &= head.IsShortest;
        HasIndefiniteLength |= head.IsIndefinite;
    }
}
