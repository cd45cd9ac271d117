using System.Security.Cryptography;

namespace NitroEnclaves.Cose.Tests;

/// <summary>The example of RFC 9052 appendix C.2.1: one ES256 signature by the key "11" of appendix C.7.1.</summary>
public sealed class Rfc9052Tests
{
    const string Message =
        "d28443a10126a10442313154546869732069732074686520636f6e74656e742e"
        + "58408eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e"
        + "2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36";

    const string X = "bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff";
    const string Y = "20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e";

    [Fact]
    public void The_example_parses_and_verifies()
    {
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = Convert.FromHexString(X), Y = Convert.FromHexString(Y) },
        });
        var message = CoseSign1Message.Parse(Convert.FromHexString(Message));

        Assert.True(message.IsTagged);
        Assert.Equal(CoseAlgorithm.ES256, message.Algorithm);
        Assert.Equal("This is the content.", System.Text.Encoding.ASCII.GetString(message.Payload));
        Assert.Equal("a104423131", Convert.ToHexStringLower(message.UnprotectedHeader));
        Assert.False(message.IsUnprotectedHeaderEmpty);
        Assert.True(message.Verify(key));
    }
}
