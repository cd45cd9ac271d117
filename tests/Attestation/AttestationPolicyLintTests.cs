using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation.Tests;

public sealed class AttestationPolicyLintTests
{
    [Theory]
    [InlineData("0,1,2")]
    [InlineData("0,1,2,3,8")]
    [InlineData("8,16")]
    [InlineData("3,8", AttestationPolicyRisk.AnySignedImage)]
    [InlineData("8", AttestationPolicyRisk.AnySignedImage)]
    [InlineData("0", AttestationPolicyRisk.PartialImage)]
    [InlineData("0,2,8", AttestationPolicyRisk.PartialImage)]
    [InlineData("3,4", AttestationPolicyRisk.NoImageIdentity)]
    [InlineData("16", AttestationPolicyRisk.NoImageIdentity)]
    [InlineData("", AttestationPolicyRisk.AnyImage)]
    public void Registers_leave_risks_open(string registers, params AttestationPolicyRisk[] risks)
    {
        var policy = registers.Split(',', StringSplitOptions.RemoveEmptyEntries).Aggregate(
            AttestationPolicy.SignatureAndChainOnly,
            (policy, index) => policy.WithPcr(int.Parse(index, null), OwnDocuments.Value(1)));

        Assert.Equal(risks, AttestationPolicyLint.Check(policy));
        Assert.Equal([AttestationPolicyRisk.DebugMode, .. risks], AttestationPolicyLint.Check(policy.AllowingDebugMode()));
    }

    [Fact]
    public void An_image_leaves_none()
    {
        Assert.Empty(AttestationPolicyLint.Check(AttestationPolicy.ForImage(OwnDocuments.Image)));
        Assert.Empty(AttestationPolicyLint.Check(AttestationPolicy.ForImage(OwnDocuments.Image).WithPcr(Pcr.SigningCertificate, OwnDocuments.Value(1))));
    }

    [Fact]
    public void Every_risk_is_described() =>
        Assert.All(Enum.GetValues<AttestationPolicyRisk>(), risk => Assert.EndsWith(".", AttestationPolicyLint.Describe(risk), StringComparison.Ordinal));
}
