namespace NitroEnclaves.Cbor.Tests;

public sealed class CborReaderTests
{
    [Theory]
    [InlineData("00", 0)]
    [InlineData("17", 23)]
    [InlineData("1817", 23)]
    [InlineData("1b0000000000000017", 23)]
    [InlineData("20", -1)]
    [InlineData("37", -24)]
    [InlineData("3822", -35)]
    [InlineData("1a7fffffff", int.MaxValue)]
    [InlineData("3a7fffffff", int.MinValue)]
    public void Signed_integers_of_any_width_are_read(string hex, int expected)
    {
        Assert.Equal(expected, new CborReader(Convert.FromHexString(hex)).ReadInt32());
        Assert.Equal(expected, new CborReader(Convert.FromHexString(hex)).ReadInt64());
    }

    [Fact]
    public void Integers_out_of_range_are_refused_and_can_be_read_wider()
    {
        var reader = new CborReader(Convert.FromHexString("1a80000000"));
        Refused(ref reader, CborError.IntegerOverflow, static (ref r) => r.ReadInt32());
        Refused(ref reader, CborError.IntegerOverflow, static (ref r) => r.ReadUInt16());
        Refused(ref reader, CborError.IntegerOverflow, static (ref r) => r.ReadByte());
        Assert.Equal(0x80000000u, reader.ReadUInt32());

        reader = new CborReader(Convert.FromHexString("1b8000000000000000"));
        Refused(ref reader, CborError.IntegerOverflow, static (ref r) => r.ReadInt64());
        Refused(ref reader, CborError.IntegerOverflow, static (ref r) => r.ReadUInt32());
        Assert.Equal(0x8000000000000000u, reader.ReadUInt64());

        reader = new CborReader(Convert.FromHexString("3b8000000000000000"));
        Refused(ref reader, CborError.IntegerOverflow, static (ref r) => r.ReadInt64());
        Refused(ref reader, CborError.UnexpectedType, static (ref r) => r.ReadUInt64());
    }

    [Theory]
    [InlineData("17", true)]
    [InlineData("1817", false)]
    [InlineData("1818", true)]
    [InlineData("1900ff", false)]
    [InlineData("190100", true)]
    [InlineData("1a0000ffff", false)]
    [InlineData("1a00010000", true)]
    [InlineData("1b00000000ffffffff", false)]
    [InlineData("1b0000000100000000", true)]
    [InlineData("5800", false)]
    [InlineData("4101", true)]
    [InlineData("5f4101ff", true)]
    [InlineData("5f580101ff", false)]
    [InlineData("980101", false)]
    [InlineData("d80101", false)]
    [InlineData("c101", true)]
    [InlineData("82180101", false)]
    [InlineData("f8ff", true)]
    public void The_form_of_heads_is_told(string hex, bool isShortest)
    {
        var reader = new CborReader(Convert.FromHexString(hex));
        reader.SkipValue();

        Assert.Equal(isShortest, reader.IsShortestFormThroughout);
    }

    [Fact]
    public void The_form_of_the_last_head_and_of_all_heads_differ()
    {
        var reader = new CborReader(Convert.FromHexString("82180101"));
        reader.ReadStartArray();
        Assert.True(reader.IsShortestForm);
        reader.ReadByte();
        Assert.False(reader.IsShortestForm);
        reader.ReadByte();
        Assert.True(reader.IsShortestForm);
        Assert.False(reader.IsShortestFormThroughout);
        Assert.False(reader.HasIndefiniteLength);
    }

    [Fact]
    public void A_map_of_either_form_is_walked_by_the_same_loop()
    {
        foreach (var hex in new[] { "a2616101616202", "bf616101616202ff" })
        {
            var reader = new CborReader(Convert.FromHexString(hex));
            var pairs = new List<(string, int)>();
            Assert.Equal(hex[0] == 'a' ? 2 : null, reader.ReadStartMap());
            while (!reader.TryReadEndMap())
            {
                pairs.Add((reader.ReadTextString(), reader.ReadInt32()));
            }

            reader.ReadEndOfData();
            Assert.Equal([("a", 1), ("b", 2)], pairs);
        }
    }

    [Fact]
    public void Strings_in_chunks_are_put_together_or_refused_as_spans()
    {
        var bytes = Convert.FromHexString("5f420102404103ff");
        var reader = new CborReader(bytes);
        Assert.Equal(CborType.IndefiniteByteString, reader.PeekType());
        Refused(ref reader, CborError.IndefiniteLengthString, static (ref r) => r.ReadByteString());
        Refused(ref reader, CborError.DestinationTooSmall, static (ref r) => r.ReadByteString(new byte[2]));
        var destination = new byte[4];
        Assert.Equal(3, reader.ReadByteString(destination));
        Assert.Equal([1, 2, 3, 0], destination);
        reader.ReadEndOfData();

        reader = new CborReader(Convert.FromHexString("7f61616161ff"));
        Assert.Equal(2, reader.ReadTextStringBytes(destination));
        reader = new CborReader(Convert.FromHexString("7f62c3bc6161ff"));
        Assert.Equal("üa", reader.ReadTextString());
    }

    [Fact]
    public void Spans_point_into_the_data()
    {
        byte[] data = [0x43, 1, 2, 3];
        var content = new CborReader(data).ReadByteString();

        Assert.True(content.Overlaps(data.AsSpan(1), out var offset) && offset == 0);
    }

    [Fact]
    public void Depth_is_limited_by_the_reader()
    {
        var nested = Enumerable.Repeat((byte)0x81, CborReader.MaximumDepth + 1).Append((byte)0).ToArray();
        var reader = new CborReader(nested);
        Refused(ref reader, CborError.DepthExceeded, static (ref r) => r.SkipValue());
        reader = new CborReader(nested.AsSpan(1));
        reader.SkipValue();
        reader.ReadEndOfData();

        reader = new CborReader(nested, depthLimit: 2);
        reader.ReadStartArray();
        reader.ReadStartArray();
        Refused(ref reader, CborError.DepthExceeded, static (ref r) => r.ReadStartArray());
        reader = new CborReader([0x80], depthLimit: 0);
        Refused(ref reader, CborError.DepthExceeded, static (ref r) => r.ReadStartArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => new CborReader([], CborReader.MaximumDepth + 1).Depth);
        Assert.Throws<ArgumentOutOfRangeException>(() => new CborReader([], -1).Depth);
    }

    [Fact]
    public void A_hundred_thousand_tags_and_items_take_no_stack()
    {
        byte[] data = [0x9F, .. Enumerable.Repeat((byte)0xC1, 100_000), .. Enumerable.Repeat((byte)0x80, 100_000), 0xFF];
        var reader = new CborReader(data);
        reader.SkipValue();
        reader.ReadEndOfData();
    }

    [Fact]
    public void Ends_are_refused_where_items_are_left()
    {
        var reader = new CborReader(Convert.FromHexString("820102"));
        reader.ReadStartArray();
        reader.ReadByte();
        Refused(ref reader, CborError.ContainerNotFinished, static (ref r) => r.ReadEndArray());
        Refused(ref reader, CborError.ContainerNotFinished, static (ref r) => r.ReadEndOfData());
        reader.ReadByte();
        Assert.Equal(CborType.EndOfContainer, reader.PeekType());
        Refused(ref reader, CborError.EndOfContainer, static (ref r) => r.ReadByte());
        Refused(ref reader, CborError.EndOfContainer, static (ref r) => r.SkipValue());
        reader.ReadEndArray();
        Assert.Equal(CborType.EndOfData, reader.PeekType());

        reader = new CborReader(Convert.FromHexString("0100"));
        reader.ReadByte();
        Refused(ref reader, CborError.TrailingData, static (ref r) => r.ReadEndOfData());

        reader = new CborReader(Convert.FromHexString("c1"));
        Assert.Equal(1ul, reader.ReadTag());
        Refused(ref reader, CborError.MissingTaggedValue, static (ref r) => r.ReadEndOfData());
    }

    [Fact]
    public void Closing_what_is_not_open_is_misuse()
    {
        Assert.Throws<InvalidOperationException>(() => new CborReader([]).ReadEndArray());
        Assert.Throws<InvalidOperationException>(() =>
        {
            var reader = new CborReader([0x80]);
            reader.ReadStartArray();
            reader.ReadEndMap();
        });
    }

    [Fact]
    public void Null_is_tried_without_consuming_something_else()
    {
        var reader = new CborReader(Convert.FromHexString("f6f5f4"));
        Assert.True(reader.TryReadNull());
        Assert.False(reader.TryReadNull());
        Refused(ref reader, CborError.UnexpectedType, static (ref r) => r.ReadNull());
        Assert.True(reader.ReadBoolean());
        Assert.False(reader.ReadBoolean());
    }

    [Fact]
    public void The_exception_tells_where()
    {
        var reader = new CborReader(Convert.FromHexString("8201ff"));
        reader.ReadStartArray();
        reader.ReadByte();
        var exception = Refused(ref reader, CborError.UnexpectedBreak, static (ref r) => r.ReadByte());
        Assert.Equal(2, exception.Offset);
        Assert.Contains("byte 2", exception.Message, StringComparison.Ordinal);
    }

    delegate void Read(ref CborReader reader);

    static CborException Refused(ref CborReader reader, CborError error, Read read)
    {
        var position = reader.Position;
        try
        {
            read(ref reader);
        }
        catch (CborException exception)
        {
            Assert.Equal(error, exception.Error);
            Assert.Equal(position, reader.Position);
            return exception;
        }

        throw new Xunit.Sdk.XunitException($"Not refused with {error}.");
    }
}
