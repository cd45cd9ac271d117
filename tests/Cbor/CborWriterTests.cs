using System.Buffers;
using System.Formats.Cbor;
using FsCheck;
using FsCheck.Fluent;
using Oracle = System.Formats.Cbor.CborWriter;

namespace NitroEnclaves.Cbor.Tests;

public sealed class CborWriterTests
{
    static ulong[] Boundaries { get; } =
        [0, 1, 23, 24, 255, 256, 65535, 65536, uint.MaxValue, uint.MaxValue + 1ul, long.MaxValue, ulong.MaxValue];

    [Fact]
    public void Integers_are_written_in_their_shortest_form()
    {
        foreach (var value in Boundaries)
        {
            var oracle = new Oracle(CborConformanceMode.Canonical);
            oracle.WriteUInt64(value);
            Assert.Equal(oracle.Encode(), Written((ref writer) => writer.WriteUInt64(value)));
            Assert.Equal(oracle.BytesWritten, CborWriter.GetHeadLength(value));
            foreach (var signed in new[] { (long)value, -1 - (long)(value >> 1) })
            {
                oracle.Reset();
                oracle.WriteInt64(signed);
                Assert.Equal(oracle.Encode(), Written((ref writer) => writer.WriteInt64(signed)));
            }
        }
    }

    [Fact]
    public void Every_kind_of_item_is_written_as_the_oracle_writes_it()
    {
        var oracle = new Oracle(CborConformanceMode.Lax);
        oracle.WriteStartMap(4);
        oracle.WriteTextString("pcrs");
        oracle.WriteStartMap(null);
        oracle.WriteInt32(0);
        oracle.WriteByteString(new byte[48]);
        oracle.WriteEndMap();
        oracle.WriteTextString("水");
        oracle.WriteStartArray(null);
        oracle.WriteBoolean(true);
        oracle.WriteBoolean(false);
        oracle.WriteNull();
        oracle.WriteEndArray();
        oracle.WriteTextString("sign");
        oracle.WriteTag((CborTag)18);
        oracle.WriteStartArray(1);
        oracle.WriteInt32(-35);
        oracle.WriteEndArray();
        oracle.WriteTextString("raw");
        oracle.WriteByteString([1, 2, 3]);
        oracle.WriteEndMap();

        var written = Written((ref writer) =>
        {
            writer.WriteStartMap(4);
            writer.WriteTextString("pcrs");
            writer.WriteStartIndefiniteMap();
            writer.WriteUInt64(0);
            writer.WriteByteString(48).Clear();
            writer.WriteBreak();
            writer.WriteTextString("水"u8);
            writer.WriteStartIndefiniteArray();
            writer.WriteBoolean(true);
            writer.WriteBoolean(false);
            writer.WriteNull();
            writer.WriteBreak();
            writer.WriteTextString("sign");
            writer.WriteTag(18);
            writer.WriteStartArray(1);
            writer.WriteInt64(-35);
            writer.WriteTextString("raw");
            writer.WriteEncodedValue([0x43, 1, 2, 3]);
        });

        Assert.Equal(oracle.Encode(), written);
    }

    [Fact]
    public void Strings_of_any_length_come_back() =>
        Check.One(
            Config.QuickThrowOnFailure.WithEndSize(70_000).WithMaxTest(60).WithReplay(8949, 7),
            Prop.ForAll(Gen.Sized(size => Gen.Choose(0, size)).ToArbitrary(), length =>
            {
                var bytes = new byte[length];
                new System.Random(length).NextBytes(bytes);
                var reader = new CborReader(Written((ref writer) => writer.WriteByteString(bytes)));
                return reader.ReadByteString().SequenceEqual(bytes) && reader.IsShortestForm && reader.BytesRemaining == 0;
            }));

    [Fact]
    public void What_does_not_fit_is_refused_and_not_written()
    {
        var writer = new CborWriter(new byte[4]);
        writer.WriteUInt64(24);
        var refused = false;
        try
        {
            writer.WriteByteString([1, 2]);
        }
        catch (CborException exception)
        {
            refused = exception is { Error: CborError.DestinationTooSmall, Offset: 2 };
        }

        Assert.True(refused);
        Assert.Equal(2, writer.BytesWritten);
        writer.WriteByteString([1]);
        Assert.Equal(4, writer.BytesWritten);
    }

    [Fact]
    public void A_buffer_writer_receives_the_same_bytes()
    {
        var output = new ArrayBufferWriter<byte>(1);
        var writer = new CborWriter(output);
        for (var index = 0; index < 1000; index++)
        {
            writer.WriteUInt64((ulong)index);
        }

        writer.Flush();
        var expected = Written((ref writer) =>
        {
            for (var index = 0; index < 1000; index++)
            {
                writer.WriteUInt64((ulong)index);
            }
        });
        Assert.Equal(expected, output.WrittenSpan.ToArray());
        Assert.Equal(expected.Length, writer.BytesWritten);
    }

    [Fact]
    public void Text_that_is_not_text_and_negative_counts_are_misuse()
    {
        Assert.ThrowsAny<ArgumentException>(() => Written((ref writer) => writer.WriteTextString("\ud800")));
        Assert.ThrowsAny<ArgumentException>(() => Written((ref writer) => writer.WriteTextString([0xFF])));
        Assert.Throws<ArgumentOutOfRangeException>(() => Written((ref writer) => writer.WriteStartArray(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Written((ref writer) => writer.WriteStartMap(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Written((ref writer) => writer.WriteByteString(-1)));
    }

    delegate void Write(ref CborWriter writer);

    static byte[] Written(Write write)
    {
        var buffer = new byte[100_000];
        var writer = new CborWriter(buffer);
        write(ref writer);
        return buffer[..writer.BytesWritten];
    }
}
