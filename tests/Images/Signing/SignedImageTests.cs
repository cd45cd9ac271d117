namespace NitroEnclaves.Images.Tests;

/// <summary>Signatures that the reference made.</summary>
public sealed class SignedImageTests
{
    static readonly DateTimeOffset s_now = FixedTime.OfVectors.GetUtcNow();

    [Theory]
    [InlineData("08_p256", EifSignatureStatus.Valid)]
    [InlineData("09_p384", EifSignatureStatus.Valid)]
    [InlineData("12_p384_leaf_issuer", EifSignatureStatus.Valid)]
    [InlineData("14_p384_expired", EifSignatureStatus.CertificateExpired)]
    [InlineData("15_key_cert_mismatch", EifSignatureStatus.WrongKey)]
    [InlineData("24_sha256_signed", EifSignatureStatus.WrongMeasurement)]
    [InlineData("30_sign_unsigned", EifSignatureStatus.Valid)]
    public void Signature_is_judged(string name, EifSignatureStatus status)
    {
        using var image = EifFile.Open(Vectors.Image(name));
        var measurements = image.Measure();

        Assert.Equal(status, image.Signature!.Verify(measurements.Pcr0, s_now));
        Assert.Equal(image.Signature.Pcr8, measurements.Pcr8);
        if (Vectors.Registers(name).TryGetProperty("PCR8", out _))
        {
            Assert.Equal(Vectors.Register(name, "PCR8"), measurements.Pcr8);
            Assert.Equal(Vectors.Register(name, "PCR0"), measurements.Pcr0);
        }
    }

    [Fact]
    public void Dates_are_only_judged_when_asked()
    {
        using var image = EifFile.Open(Vectors.Image("14_p384_expired"));
        var pcr0 = image.Measure().Pcr0;

        Assert.Equal(EifSignatureStatus.Valid, image.Signature!.Verify(pcr0));
        Assert.Equal(EifSignatureStatus.CertificateNotYetValid, image.Signature.Verify(pcr0, DateTimeOffset.UnixEpoch));
    }

    [Fact]
    public void Flipped_bit_of_the_signature()
    {
        using var image = EifFile.Open(Vectors.Image("52_sig_bitflip"));

        Assert.Equal(EifSignatureStatus.WrongKey, image.Signature!.Verify(image.Scan().Measurements.Pcr0, s_now));
    }

    [Fact]
    public void Changed_image_under_a_good_signature()
    {
        using var image = EifFile.Open(Vectors.Image("53_ramdisk_flip_signed"));

        Assert.Equal(EifSignatureStatus.WrongMeasurement, image.Signature!.Verify(image.Scan().Measurements.Pcr0, s_now));
    }

    [Theory]
    [InlineData("")]
    [InlineData("010203")]
    [InlineData("80")]
    [InlineData("81A0")]
    [InlineData("A0")]
    [InlineData("81A2737369676E696E675F6365727469666963617465801A")]
    [InlineData("81A2737369676E696E675F63657274696669636174659BFFFFFFFFFFFFFFFF")]
    public void Section_that_is_no_signature(string hex) =>
        Assert.Equal(EifError.InvalidSignature, Assert.Throws<EifException>(() => EifSignature.Parse(Convert.FromHexString(hex))).Reason);

    [Theory]
    [InlineData("08_p256")]
    [InlineData("09_p384")]
    [InlineData("12_p384_leaf_issuer")]
    public void Section_is_written_as_the_reference_writes_it(string name)
    {
        using var image = EifFile.Open(Vectors.Image(name));
        var section = image.Sections.Single(section => section.Type == EifSectionType.Signature);
        byte[] data = new byte[section.Size];
        image.OpenSection(section).ReadExactly(data);

        Assert.Equal(data, image.Signature!.Encode());
    }

    [Fact]
    public void Broken_sections_have_one_kind_of_error()
    {
        using var image = EifFile.Open(Vectors.Image("09_p384"));
        byte[] section = image.Signature!.Encode();
        var random = new Random(8);
        for (int i = 0; i < 3000; i++)
        {
            byte[] broken = [.. section];
            broken[random.Next(broken.Length)] = (byte)random.Next(256);
            broken = broken[..random.Next(broken.Length + 1)];
            try
            {
                var signature = EifSignature.Parse(broken);
                signature.Verify(default, s_now);
            }
            catch (EifException e) when (e.Reason == EifError.InvalidSignature)
            {
            }
        }
    }
}
