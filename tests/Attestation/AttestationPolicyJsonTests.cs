using System.Text;
using FsCheck;
using FsCheck.Fluent;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation.Tests;

public sealed class AttestationPolicyJsonTests
{
    static readonly string A = new('a', 96);
    static readonly string B = new('b', 96);

    [Fact]
    public void A_policy_is_written_as_a_small_file_and_comes_back()
    {
        var policy = AttestationPolicy.ForImage(OwnDocuments.Image)
            .WithPcr(Pcr.SigningCertificate, OwnDocuments.Value(0xB8))
            .WithMaximumAge(TimeSpan.FromSeconds(90));
        var json = policy.ToJson();

        Assert.Equal(
            $$"""
            {
              "images": [
                {
                  "pcr0": "{{OwnDocuments.Image.Pcr0}}",
                  "pcr1": "{{OwnDocuments.Image.Pcr1}}",
                  "pcr2": "{{OwnDocuments.Image.Pcr2}}"
                }
              ],
              "pcrs": {
                "8": "{{OwnDocuments.Value(0xB8)}}"
              },
              "maximumAgeSeconds": 90
            }
            """,
            json);
        Assert.Equal(json, Parse(json).ToJson());
    }

    [Fact]
    public void What_belongs_to_one_exchange_is_left_out()
    {
        var policy = AttestationPolicy.ForImage(OwnDocuments.Image);

        Assert.Equal(policy.ToJson(), policy.WithNonce(OwnDocuments.Nonce).WithPublicKey([1]).WithUserData([2]).ToJson());
    }

    [Fact]
    public void The_policy_that_expects_nothing_says_so()
    {
        var policy = Parse("""{ "anyImage": true, "allowDebugMode": true, "clockSkewSeconds": 0 }""");

        Assert.True(policy.ExpectsNoPcrs);
        Assert.True(policy.AllowsDebugMode);
        Assert.Equal(TimeSpan.Zero, policy.ClockSkew);
        Assert.Contains("\"anyImage\": true", AttestationPolicy.SignatureAndChainOnly.ToJson(), StringComparison.Ordinal);
    }

    public static TheoryData<string> Refused { get; } = new(
        "",
        "null",
        "[]",
        "{}",
        """{ "anyImage": false }""",
        """{ "images": [], "pcrs": {} }""",
        """{ "images": null }""",
        """{ "images": [null] }""",
        """{ "images": [{}] }""",
        $$"""{ "images": [{ "pcr0": "{{A}}", "pcr1": "{{A}}" }] }""",
        $$"""{ "images": [{ "pcr0": "{{A}}", "pcr1": "{{A}}", "pcr2": null }] }""",
        $$"""{ "images": [{ "pcr0": "{{A}}", "pcr1": "{{A}}", "pcr2": "{{new string('0', 96)}}" }] }""",
        $$"""{ "images": [{ "pcr0": "{{A}}", "pcr1": "{{A}}", "pcr2": "{{A}}", "pcr3": "{{A}}" }] }""",
        $$"""{ "images": [{ "pcr0": "{{A}}", "pcr1": "{{A}}", "pcr2": "{{A}}" }], "pcrs": { "0": "{{A}}" } }""",
        $$"""{ "images": [{ "pcr0": "{{A}}", "pcr1": "{{A}}", "pcr2": "{{A}}" }], "anyImage": true }""",
        $$"""{ "pcrs": { "8": "{{A[1..]}}" } }""",
        $$"""{ "pcrs": { "8": "{{A}}a" } }""",
        $$"""{ "pcrs": { "8": "{{A[1..]}}g" } }""",
        $$"""{ "pcrs": { "8": "{{new string('0', 96)}}" } }""",
        """{ "pcrs": { "8": null } }""",
        """{ "pcrs": { "8": 5 } }""",
        $$"""{ "pcrs": { "32": "{{A}}" } }""",
        $$"""{ "pcrs": { "-1": "{{A}}" } }""",
        $$"""{ "pcrs": { "08": "{{A}}" } }""",
        $$"""{ "pcrs": { "PCR8": "{{A}}" } }""",
        $$"""{ "pcrs": { "8": "{{A}}", "8": "{{B}}" } }""",
        $$"""{ "pcrs": { "8": "{{A}}" }, "pcrs": { "8": "{{B}}" } }""",
        $$"""{ "pcrs": { "8": "{{A}}" }, "pcr": { "0": "{{B}}" } }""",
        $$"""{ "pcrs": { "8": "{{A}}" }, "maximumAgeSeconds": 0 }""",
        $$"""{ "pcrs": { "8": "{{A}}" }, "maximumAgeSeconds": -1 }""",
        $$"""{ "pcrs": { "8": "{{A}}" }, "maximumAgeSeconds": 1e300 }""",
        $$"""{ "pcrs": { "8": "{{A}}" }, "maximumAgeSeconds": "300" }""",
        $$"""{ "pcrs": { "8": "{{A}}" }, "clockSkewSeconds": -1 }""",
        """{ "anyImage": true, "\ud800": 1 }""",
        $$"""{ "pcrs": { "\ud800": "{{A}}" } }""",
        """{ "pcrs": { "8": "\udc00" } }""",
        $$"""{ "pcrs": { "8": "{{A}}" } } x""",
        $$"""{ "pcrs": { "8": "{{A}}" }, }""",
        $$"""/* */ { "pcrs": { "8": "{{A}}" } }""");

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_not_a_policy_is_refused(string json) => Assert.NotEmpty(Assert.Throws<FormatException>(() => Parse(json)).Message);

    [Fact]
    public void Upper_case_digits_are_digits() =>
        Assert.Equal(OwnDocuments.Value(0xAA), Parse($$"""{ "pcrs": { "8": "{{A.ToUpperInvariant()}}" } }""").Pcrs[8]);

    [Fact]
    public void Any_policy_comes_back()
    {
        var values = Gen.Choose(1, 255).Select(fill => OwnDocuments.Value((byte)fill));
        var images = from pcr0 in values from pcr1 in values from pcr2 in values select new ImageMeasurements(pcr0, pcr1, pcr2);
        var policies =
            from image in images
            from others in images.ArrayOf()
            from indexes in Gen.Choose(3, 31).ArrayOf()
            from value in values
            from age in Gen.Choose(1, 1_000_000)
            from allowsDebugMode in Gen.Elements(false, true)
            let policy = indexes.Distinct().Aggregate(AttestationPolicy.ForImage(image, others), (policy, index) => policy.WithPcr(index, value))
                .WithMaximumAge(TimeSpan.FromMilliseconds(age))
                .WithClockSkew(TimeSpan.FromSeconds(age))
            select allowsDebugMode ? policy.AllowingDebugMode() : policy;

        Check.One(
            Config.QuickThrowOnFailure.WithReplay(2026, 7),
            Prop.ForAll(policies.ToArbitrary(), policy =>
            {
                var again = Parse(policy.ToJson());
                return again.Images.SequenceEqual(policy.Images)
                    && again.Pcrs.SequenceEqual(policy.Pcrs)
                    && again.MaximumAge == policy.MaximumAge
                    && again.ClockSkew == policy.ClockSkew
                    && again.AllowsDebugMode == policy.AllowsDebugMode;
            }));
    }

    static AttestationPolicy Parse(string json) => AttestationPolicy.Parse(Encoding.UTF8.GetBytes(json));
}
