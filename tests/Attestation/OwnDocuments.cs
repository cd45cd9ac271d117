using System.Collections.Immutable;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>What documents of our own making state in tests.</summary>
static class OwnDocuments
{
    public const string InstanceId = "i-0123456789abcdef0";
    public const string ModuleId = InstanceId + "-enc0199f00d12345678";

    public static byte[] Nonce { get; } = [.. Enumerable.Range(1, 32).Select(value => (byte)value)];

    public static ImageMeasurements Image { get; } = new(Value(0xA0), Value(0xA1), Value(0xA2));

    public static PcrValue Value(byte fill) => new([.. Enumerable.Repeat(fill, PcrValue.Length)]);

    /// <summary>Registers 0 to 15 of an enclave with the image above, as hardware fills them.</summary>
    public static ImmutableSortedDictionary<int, PcrValue> Pcrs { get; } = Enumerable.Range(0, 16).ToImmutableSortedDictionary(
        index => index,
        index => index switch
        {
            Pcr.Image => Image.Pcr0,
            Pcr.KernelAndBoot => Image.Pcr1,
            Pcr.Application => Image.Pcr2,
            Pcr.ParentInstance => PcrValue.OfInstance(InstanceId),
            _ => PcrValue.Zero,
        });

    public static AttestationDocumentContent Content(DateTimeOffset? timestamp = null) => new()
    {
        ModuleId = ModuleId,
        Timestamp = timestamp ?? TestClock.Noon,
        Pcrs = Pcrs,
        Nonce = Nonce,
        UserData = [7],
        PublicKey = [8, 9],
    };
}
