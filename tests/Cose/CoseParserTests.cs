using NitroEnclaves.Cbor;

namespace NitroEnclaves.Cose.Tests;

public sealed class CoseParserTests
{
    static string Signature { get; } = "5860" + string.Concat(Enumerable.Repeat("01", 96));

    public static TheoryData<string, CoseError> Refused { get; } = new()
    {
        { "", CoseError.Malformed },
        { "a0", CoseError.Malformed },
        { "83 44a1013822 a0 40", CoseError.Malformed },
        { "84 44a1013822 a0 40", CoseError.Malformed },
        { "85 44a1013822 a0 40 SIG 00", CoseError.Malformed },
        { "84 44a1013822 80 40 SIG", CoseError.Malformed },
        { "84 a1013822 a0 40 SIG", CoseError.Malformed },
        { "84 44a1013822 a0 60 SIG", CoseError.Malformed },
        { "84 44a1013822 a0 5f40ff SIG", CoseError.Malformed },
        { "84 44a1013822 a0 40 SIG 00", CoseError.TrailingData },
        { "9f 44a1013822 a0 40 SIG", CoseError.Malformed },
        { "84 44a1013822 a0 f6 SIG", CoseError.DetachedPayload },
        { "d1 84 44a1013822 a0 40 SIG", CoseError.UnexpectedTag },
        { "d862 84 44a1013822 a0 40 SIG", CoseError.UnexpectedTag },
        { "d2 d2 84 44a1013822 a0 40 SIG", CoseError.UnexpectedTag },
        { "84 40 a0 40 SIG", CoseError.ProtectedHeader },
        { "84 41a0 a0 40 SIG", CoseError.ProtectedHeader },
        { "84 41a0 a1013822 40 SIG", CoseError.ProtectedHeader },
        { "84 45a101382200 a0 40 SIG", CoseError.ProtectedHeader },
        { "84 45a101390022 a0 40 SIG", CoseError.ProtectedHeader },
        { "84 45bf013822ff a0 40 SIG", CoseError.ProtectedHeader },
        { "84 46a20138220441 a0 40 SIG", CoseError.ProtectedHeader },
        { "84 47a2013822044131 a0 40 SIG", CoseError.ProtectedHeader },
        { "84 44a1023822 a0 40 SIG", CoseError.ProtectedHeader },
        { "84 45a1203822 a0 40 SIG", CoseError.ProtectedHeader },
        { "84 48a101654553333834 a0 40 SIG", CoseError.UnsupportedAlgorithm },
        { "84 43a10120 a0 40 SIG", CoseError.UnsupportedAlgorithm },
        { "84 43a10105 a0 40 SIG", CoseError.UnsupportedAlgorithm },
        { "84 44a1013824 a0 40 SIG", CoseError.UnsupportedAlgorithm },
        { "84 44a1013822 a1013822 40 SIG", CoseError.UnprotectedHeader },
        { "84 44a1013822 a202800100 40 SIG", CoseError.UnprotectedHeader },
        { "84 44a1013822 bf0126ff 40 SIG", CoseError.UnprotectedHeader },
        { "84 43a10126 a0 40 SIG", CoseError.SignatureLength },
        { "84 44a1013823 a0 40 SIG", CoseError.SignatureLength },
        { "84 44a1013822 a0 40 40", CoseError.SignatureLength },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_not_of_the_form_is_refused_with_its_reason(string hex, CoseError error)
    {
        var exception = Assert.Throws<CoseException>(() => CoseSign1Message.Parse(Bytes(hex)).IsTagged);

        Assert.Equal(error, exception.Error);
        Assert.True(exception.InnerException is null or CborException);
    }

    [Theory]
    [InlineData("84 44a1013822 a0 40 SIG", false, true)]
    [InlineData("d2 84 44a1013822 a0 40 SIG", true, true)]
    [InlineData("d812 84 44a1013822 a0 40 SIG", true, true)]
    [InlineData("9f 44a1013822 bfff 40 SIG ff", false, true)]
    [InlineData("84 44a1013822 a2044131616101 40 SIG", false, false)]
    [InlineData("84 44a1013822 a1c10101 40 SIG", false, false)]
    public void Other_forms_of_the_same_are_accepted(string hex, bool isTagged, bool isUnprotectedHeaderEmpty)
    {
        var message = CoseSign1Message.Parse(Bytes(hex));

        Assert.Equal(isTagged, message.IsTagged);
        Assert.Equal(isUnprotectedHeaderEmpty, message.IsUnprotectedHeaderEmpty);
        Assert.Equal(CoseAlgorithm.ES384, message.Algorithm);
    }

    static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace("SIG", Signature, StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal));
}
