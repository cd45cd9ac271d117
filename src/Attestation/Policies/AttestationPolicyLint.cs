using System.Collections.Immutable;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

/// <summary>Tells what a policy leaves open.</summary>
public static class AttestationPolicyLint
{
    /// <summary>Looks at what a policy expects of registers. Freshness and channel are for the caller, who knows the exchange.</summary>
    /// <returns>The risks, most serious first; empty for a policy that expects an image.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="policy"/> is null.</exception>
    public static ImmutableArray<AttestationPolicyRisk> Check(AttestationPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var risks = ImmutableArray.CreateBuilder<AttestationPolicyRisk>();
        if (policy.AllowsDebugMode)
        {
            risks.Add(AttestationPolicyRisk.DebugMode);
        }

        if (policy.Images.IsEmpty)
        {
            AddPcrRisk(policy.Pcrs, risks);
        }

        return risks.DrainToImmutable();
    }

    /// <summary>One sentence about a risk, in English.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The risk is none.</exception>
    public static string Describe(AttestationPolicyRisk risk) => risk switch
    {
        AttestationPolicyRisk.AnyImage => "No register is expected: any image passes.",
        AttestationPolicyRisk.AnySignedImage =>
            "PCR8 without PCR0, 1 and 2 lets every image pass that was ever signed with the certificate; an old one can be started again.",
        AttestationPolicyRisk.PartialImage =>
            "PCR0, 1 and 2 belong together: bytes can move between an image's sections without a change of one of them.",
        AttestationPolicyRisk.NoImageIdentity => "No register is expected that says which image runs.",
        AttestationPolicyRisk.DebugMode => "Enclaves in debug mode pass; their parent instance can read their memory.",
        _ => throw new ArgumentOutOfRangeException(nameof(risk)),
    };

    static void AddPcrRisk(ImmutableSortedDictionary<int, PcrValue> pcrs, ImmutableArray<AttestationPolicyRisk>.Builder risks)
    {
        var ofImage = pcrs.Keys.Count(index => index is Pcr.Image or Pcr.KernelAndBoot or Pcr.Application);
        if (pcrs.IsEmpty)
        {
            risks.Add(AttestationPolicyRisk.AnyImage);
        }
        else if (ofImage is 1 or 2)
        {
            risks.Add(AttestationPolicyRisk.PartialImage);
        }
        else if (ofImage == 0 && !pcrs.ContainsKey(Pcr.SigningCertificate))
        {
            risks.Add(AttestationPolicyRisk.NoImageIdentity);
        }
        else if (ofImage == 0 && !pcrs.Keys.Any(index => index >= Pcr.FirstUnlocked))
        {
            risks.Add(AttestationPolicyRisk.AnySignedImage);
        }
    }
}
