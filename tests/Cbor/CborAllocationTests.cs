namespace NitroEnclaves.Cbor.Tests;

/// <summary>Reading and writing through spans allocates nothing.</summary>
public sealed class CborAllocationTests
{
    [Fact]
    public void Writing_and_reading_a_document_allocates_nothing()
    {
        var buffer = new byte[4096];
        RoundTrip(buffer);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var sum = 0L;
        for (var round = 0; round < 100; round++)
        {
            sum += RoundTrip(buffer);
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(0, allocated);
        Assert.NotEqual(0, sum);
    }

    static int RoundTrip(Span<byte> buffer)
    {
        var writer = new CborWriter(buffer);
        writer.WriteStartMap(3);
        writer.WriteTextString("module_id"u8);
        writer.WriteTextString("i-0123456789abcdef0");
        writer.WriteTextString("pcrs"u8);
        writer.WriteStartIndefiniteMap();
        for (var index = 0u; index < 16; index++)
        {
            writer.WriteUInt64(index);
            writer.WriteByteString(48).Clear();
        }

        writer.WriteBreak();
        writer.WriteTextString("nonce"u8);
        writer.WriteTag(18);
        writer.WriteNull();

        var reader = new CborReader(buffer[..writer.BytesWritten]);
        var sum = reader.ReadStartMap()!.Value;
        sum += reader.ReadTextStringBytes().Length + reader.ReadTextStringBytes().Length + reader.ReadTextStringBytes().Length;
        reader.ReadStartMap();
        while (!reader.TryReadEndMap())
        {
            sum += reader.ReadInt32() + reader.ReadByteString().Length;
        }

        sum += reader.ReadTextStringBytes().Length;
        reader.SkipValue();
        reader.ReadEndMap();
        reader.ReadEndOfData();
        return sum;
    }
}
