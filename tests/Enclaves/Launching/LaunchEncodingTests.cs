using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using NitroEnclaves.Cbor;

namespace NitroEnclaves.Enclaves.Tests;

public sealed class LaunchEncodingTests
{
    static readonly EnclaveOptions s_options = Samples.Options with { CpuCount = null, CpuIds = [1, 3], Forwards = ["tcp:1=vsock:2"], Name = "é" };

    [Fact]
    public void Spoiled_options_are_options_or_malformed() => Prop.ForAll<ushort, byte, ushort>((at, value, length) =>
    {
        var encoded = LaunchEncoding.Encode(s_options);
        encoded[at % encoded.Length] = value;
        var error = Record.Exception(() => LaunchEncoding.DecodeOptions(encoded.AsSpan(0, length % 3 == 0 ? length % encoded.Length : encoded.Length)));
        Assert.True(error is null or CborException or JsonException, $"{error}");
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000).WithReplay(11, 13));

    [Fact]
    public void Spoiled_messages_are_messages_or_malformed() => Prop.ForAll<ushort, byte>((at, value) =>
    {
        var encoded = LaunchEncoding.Encode(new LaunchMessage { Progress = "p", Failed = new LaunchFailure(EnclaveFailure.BootFailure, "m", "tail") });
        encoded[at % encoded.Length] = value;
        var error = Record.Exception(() => LaunchEncoding.DecodeMessage(encoded));
        Assert.True(error is null or CborException or JsonException, $"{error}");
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000).WithReplay(17, 19));

    [Fact]
    public void A_long_list_is_refused()
    {
        var options = s_options with { InitrdPaths = [.. Enumerable.Repeat("a", 70_000)] };
        Assert.Throws<CborException>(() => LaunchEncoding.DecodeOptions(LaunchEncoding.Encode(options)));
    }
}
