using FsCheck;
using FsCheck.Fluent;
using NitroEnclaves.Cbor;

namespace NitroEnclaves.Nsm.Tests;

/// <summary>Messages go both ways unchanged, are read in every form, and damaged ones never surprise the client.</summary>
public sealed class NsmCodecPropertyTests
{
    static readonly Gen<byte[]?> Optional = Gen.Frequency(
        (1, Gen.Constant<byte[]?>(null)), (1, Gen.Constant<byte[]?>([])), (4, ArbMap.Default.GeneratorFor<byte[]>().Select(bytes => (byte[]?)bytes)));

    [Fact]
    public void An_attestation_request_goes_both_ways()
    {
        Prop.ForAll(Optional.ToArbitrary(), Optional.ToArbitrary(), Optional.ToArbitrary(), (userData, nonce, publicKey) =>
        {
            var signer = new RecordingSigner();
            new NsmClient(TestModule.Create(signer)).GetAttestationDocument(userData, nonce, publicKey);
            var content = Assert.Single(signer.Contents);
            Assert.Equal(userData, content.UserData);
            Assert.Equal(nonce, content.Nonce);
            Assert.Equal(publicKey, content.PublicKey);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithEndSize(500).WithReplay(20260103, 3));
    }

    [Fact]
    public void An_extension_is_read_in_every_form_of_its_request()
    {
        var form = Gen.Choose(0, 4).SelectMany(width => Gen.Choose(0, 31).SelectMany(bits => Gen.Choose(0, 65535).SelectMany(index =>
            ArbMap.Default.GeneratorFor<byte[]>().Select(data => (Width: width, Bits: bits, Index: index, Data: data)))));
        Prop.ForAll(form.ToArbitrary(), form =>
        {
            Assert.True(NsmRequest.TryDecode(Extension(form.Width, form.Bits, form.Index, form.Data), out var request));
            Assert.Equal(NsmOperation.ExtendPcr, request.Operation);
            Assert.Equal(form.Index, request.Index);
            Assert.Equal(form.Data, request.Data.ToArray());
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000).WithReplay(20260103, 5));
    }

    [Fact]
    public void Damaged_replies_are_answers_or_refusals_and_nothing_else()
    {
        var replies = NsmVectors.ResponseNames.Select(NsmVectors.Response).ToArray();
        Prop.ForAll(Mutation.Of(replies).ToArbitrary(), reply =>
        {
            using var client = new NsmClient(new ScriptedTransport(_ => reply));
            Action[] requests =
            [
                () => client.DescribeNsm(), () => client.GetRandom(new byte[24]), () => client.DescribePcr(16), () => client.ExtendPcr(16, []),
                () => client.LockPcr(16), () => client.LockPcrs(16), () => client.GetAttestationDocument(),
            ];
            Assert.All(requests, request =>
            {
                try
                {
                    request();
                }
                catch (NsmException)
                {
                    // The one thing that may come out of a reply.
                }
            });
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(6000).WithReplay(20260103, 7));
    }

    /// <summary>{"ExtendPCR": {"index": …, "data": …}} with the length forms, key order and unknown keys that <paramref name="bits"/> choose.</summary>
    static byte[] Extension(int width, int bits, int index, byte[] data)
    {
        var buffer = new byte[data.Length + 128];
        var writer = new CborWriter(buffer);
        var outerIsIndefinite = (bits & 1) != 0;
        var innerIsIndefinite = (bits & 2) != 0;
        var dataFirst = (bits & 4) != 0;
        var unknownKeys = bits >> 3;
        StartMap(ref writer, 1, outerIsIndefinite);
        writer.WriteTextString("ExtendPCR"u8);
        StartMap(ref writer, 2 + unknownKeys, innerIsIndefinite);
        if (dataFirst)
        {
            WriteData(ref writer, data);
        }

        for (var i = 0; i < unknownKeys; i++)
        {
            writer.WriteTextString("index of nothing"u8);
            writer.WriteEncodedValue([0xBF, 0x61, 0x78, 0x82, 0xF6, 0x5F, 0x41, 0x00, 0xFF, 0xFF]);
        }

        writer.WriteTextString("index"u8);
        writer.WriteEncodedValue(Integer(width, index));
        if (!dataFirst)
        {
            WriteData(ref writer, data);
        }

        for (var open = (innerIsIndefinite ? 1 : 0) + (outerIsIndefinite ? 1 : 0); open > 0; open--)
        {
            writer.WriteBreak();
        }

        return buffer[..writer.BytesWritten];
    }

    static void StartMap(ref CborWriter writer, int count, bool isIndefinite)
    {
        if (isIndefinite)
        {
            writer.WriteStartIndefiniteMap();
        }
        else
        {
            writer.WriteStartMap(count);
        }
    }

    static void WriteData(ref CborWriter writer, byte[] data)
    {
        writer.WriteTextString("data"u8);
        writer.WriteByteString(data);
    }

    /// <summary>An unsigned integer in the given width, or in a wider one where that is too narrow.</summary>
    static byte[] Integer(int width, int value) => (width, value) switch
    {
        (0, < 24) => [(byte)value],
        ( <= 1, < 256) => [0x18, (byte)value],
        ( <= 2, _) => [0x19, (byte)(value >> 8), (byte)value],
        (3, _) => [0x1A, 0, 0, (byte)(value >> 8), (byte)value],
        _ => [0x1B, 0, 0, 0, 0, 0, 0, (byte)(value >> 8), (byte)value],
    };
}
