using System.Text;
using NitroEnclaves.Attestation;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>
/// Policies in their JSON form: what is accepted expects something, or says that it does not, and is written and read again as the same.
/// </summary>
sealed class PolicyFuzzTarget : IFuzzTarget
{
    public string Name => "policy";

    public IEnumerable<byte[]> Seeds { get; } =
    [
        Encode(AttestationPolicy.ForImage(new ImageMeasurements(Value(1), Value(2), Value(3)))),
        Encode(AttestationPolicy.ForImage(new ImageMeasurements(Value(1), Value(2), Value(3)), new ImageMeasurements(Value(4), Value(5), Value(6)))
            .WithPcr(Pcr.SigningCertificate, Value(8))
            .WithMaximumAge(TimeSpan.FromMinutes(5))),
        Encode(AttestationPolicy.ForPcrs(KeyValuePair.Create(3, Value(3)), KeyValuePair.Create(8, Value(8))).WithClockSkew(TimeSpan.FromSeconds(1.5))),
        Encode(AttestationPolicy.SignatureAndChainOnly.AllowingDebugMode()),
        Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(Encode(AttestationPolicy.ForPcrs(KeyValuePair.Create(8, Value(8))))).Replace("\"pcrs\"", "\"\\u0070crs\"", StringComparison.Ordinal)),
    ];

    public void Run(ReadOnlySpan<byte> input)
    {
        AttestationPolicy policy;
        try
        {
            policy = AttestationPolicy.Parse(input);
        }
        catch (FormatException)
        {
            return;
        }

        var json = policy.ToJson();
        if (AttestationPolicy.Parse(Encoding.UTF8.GetBytes(json)).ToJson() != json)
        {
            throw new InvalidOperationException("A policy that was written came back as another.");
        }

        if (policy.ExpectsNoPcrs && !json.Contains("anyImage", StringComparison.Ordinal))
        {
            throw new InvalidOperationException("A policy was accepted that expects nothing and does not say so.");
        }
    }

    static byte[] Encode(AttestationPolicy policy) => Encoding.UTF8.GetBytes(policy.ToJson());

    static PcrValue Value(byte fill) => new([.. Enumerable.Repeat(fill, PcrValue.Length)]);
}
