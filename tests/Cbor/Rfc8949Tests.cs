namespace NitroEnclaves.Cbor.Tests;

public sealed class Rfc8949Tests
{
    public static TheoryData<string> WellFormed => Rfc8949Vectors.WellFormed;

    public static TheoryData<string, CborError> Malformed => Rfc8949Vectors.Malformed;

    [Theory]
    [MemberData(nameof(WellFormed))]
    public void A_well_formed_item_is_skipped_to_its_end(string hex)
    {
        var data = Convert.FromHexString(hex);
        var reader = new CborReader(data);

        Assert.Equal(data, reader.ReadEncodedValue().ToArray());
        reader.ReadEndOfData();
    }

    [Theory]
    [MemberData(nameof(WellFormed))]
    public void A_well_formed_item_reads_as_the_oracle_reads_it(string hex)
    {
        var data = Convert.FromHexString(hex);

        Assert.Equal(CborOracle.Transcribe(data), CborTranscript.Of(data));
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_malformed_item_is_refused_with_its_reason_and_leaves_the_reader_in_place(string hex, CborError error)
    {
        var reader = new CborReader(Convert.FromHexString(hex));
        CborException? thrown = null;
        try
        {
            reader.SkipValue();
        }
        catch (CborException exception)
        {
            thrown = exception;
        }

        Assert.Equal(error, thrown?.Error);
        Assert.Equal((0, 0), (reader.Position, reader.Depth));
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Reading_item_by_item_refuses_the_same(string hex, CborError error)
    {
        var exception = Assert.Throws<CborException>(() => CborTranscript.Of(Convert.FromHexString(hex)));

        Assert.Equal(error, exception.Error);
    }
}
