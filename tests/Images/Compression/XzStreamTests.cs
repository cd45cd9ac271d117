namespace NitroEnclaves.Images.Tests;

public sealed class XzStreamTests
{
    // printf 'enclave %.0s' $(seq 100) | xz -9
    const string Packed = "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4AMfABJdADKbiI3grE3y5AiTOggDjQdwAAAAAEVQINNQig11AAEuoAYAAADRcL+rscRn+wIAAAAABFla";

    [Fact]
    public void Unpacks()
    {
        Assert.SkipUnless(XzStream.IsSupported, "There is no liblzma.");
        using var reader = new StreamReader(new XzStream(new MemoryStream(Convert.FromBase64String(Packed))));

        Assert.Equal(string.Concat(Enumerable.Repeat("enclave ", 100)), reader.ReadToEnd());
    }

    [Fact]
    public void Broken_data_has_one_kind_of_error()
    {
        Assert.SkipUnless(XzStream.IsSupported, "There is no liblzma.");
        byte[] packed = Convert.FromBase64String(Packed);
        for (int i = 0; i < packed.Length; i++)
        {
            byte[] broken = [.. packed];
            broken[i] ^= 0x10;

            Assert.Throws<InvalidDataException>(() => new XzStream(new MemoryStream(broken)).CopyTo(Stream.Null));
            Assert.Throws<InvalidDataException>(() => new XzStream(new MemoryStream(packed[..i])).CopyTo(Stream.Null));
        }
    }
}
