using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>Whatever becomes of a document on its way: it is read, or refused with a reason, and never accepted with other claims.</summary>
public sealed class DocumentPropertyTests
{
    static Gen<byte[]> Damaged { get; } =
        from at in Gen.Choose(0, OwnVectors.All.Count - 1)
        from damages in Gen.Choose(1, 6)
        from seed in Gen.Choose(0, int.MaxValue - 1)
        select Damage(OwnVectors.All[at].Document, damages, seed);

    [Fact]
    public void A_damaged_document_is_refused_with_a_reason()
    {
        var verifier = new AttestationVerifier(new() { Roots = [OwnVectors.Root] });
        var signed = OwnVectors.All.Select(vector => Convert.ToHexString(UnverifiedAttestationDocument.Parse(vector.Document).Payload.Span)).ToHashSet();
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(3000).WithReplay(2026, 5),
            Prop.ForAll(Damaged.ToArbitrary(), document =>
            {
                var result = verifier.VerifyAt(document, AttestationPolicy.SignatureAndChainOnly.AllowingDebugMode(), TestClock.Noon);
                AttestationFailure? parsing = null;
                string? payload = null;
                try
                {
                    payload = Convert.ToHexString(UnverifiedAttestationDocument.Parse(document).Payload.Span);
                }
                catch (AttestationException exception)
                {
                    parsing = exception.Failure;
                }

                // Refused by the parser: then by the verifier too, for the same reason. Accepted: then it says what was signed.
                return parsing is not null ? parsing == result.Failure : !result.IsVerified || signed.Contains(payload!);
            }));
    }

    static byte[] Damage(byte[] document, int damages, int seed)
    {
        var random = new System.Random(seed);
        var bytes = new List<byte>(document);
        while (damages-- > 0)
        {
            // Half of the damage where the structure is dense: the first bytes, and the fields around the certificates.
            var at = random.Next(2) == 0 ? random.Next(Math.Min(1100, bytes.Count)) : random.Next(bytes.Count);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveAt(at);
                    break;
                default:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
            }
        }

        return [.. bytes];
    }
}
