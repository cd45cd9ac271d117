using static NitroEnclaves.Nsm.Tests.Hex;

namespace NitroEnclaves.Nsm.Tests;

public sealed class NsmRandomTests
{
    [Fact]
    public void All_forms_of_asking_take_the_modules_bytes()
    {
        using var client = new NsmClient(TestModule.Create());
        using var random = new NsmRandom(client);
        var array = new byte[3];
        random.GetBytes(array);
        Assert.Equal<byte[]>([0, 1, 2], array);
        Span<byte> span = stackalloc byte[2];
        random.GetBytes(span);
        Assert.Equal<byte[]>([0, 1], span.ToArray());
        random.GetBytes(array, 1, 2);
        Assert.Equal<byte[]>([0, 0, 1], array);
    }

    [Fact]
    public void Zeros_are_left_out_where_none_are_wanted()
    {
        // Each reply counts on from the one before, from 0 to 250 and again.
        var next = 0;
        using var client = new NsmClient(new ScriptedTransport(_ => Convert.FromHexString(Map("GetRandom", Map(
            "random", "590100" + string.Concat(Enumerable.Range(0, 256).Select(_ => (next++ % 251).ToString("x2"))))))));
        using var random = new NsmRandom(client);
        var array = new byte[600];
        random.GetNonZeroBytes(array);
        Assert.DoesNotContain((byte)0, array);
        Assert.Equal(Enumerable.Range(1, 250).Select(i => (byte)i), array[..250]);
    }

    [Fact]
    public void A_generator_of_zeros_is_found_out()
    {
        using var client = new NsmClient(new ScriptedTransport(Map("GetRandom", Map("random", Bytes(256, 0)))));
        using var random = new NsmRandom(client);
        Assert.Equal(NsmErrorCode.InvalidResponse, Assert.Throws<NsmException>(() => random.GetNonZeroBytes(new byte[5])).Code);
    }

    [Fact]
    public void The_client_is_left_open()
    {
        var transport = new ScriptedTransport("");
        using var client = new NsmClient(transport);
        new NsmRandom(client).Dispose();
        Assert.False(transport.IsDisposed);
    }
}
