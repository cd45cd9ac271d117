using System.Collections.Immutable;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation.Benchmarks;

/// <summary>A local authority and a document of usual size: 16 registers, a nonce and a public key.</summary>
sealed class DocumentFixture : IDisposable
{
    const string InstanceId = "i-0123456789abcdef0";

    public DocumentFixture()
    {
        Authority = AttestationAuthority.CreateEphemeral();
        Issuer = Authority.CreateIssuer();
        Document = Issuer.Sign(Content());
    }

    public AttestationAuthority Authority { get; }

    public AttestationDocumentIssuer Issuer { get; }

    public byte[] Document { get; }

    public static AttestationPolicy Policy { get; } = AttestationPolicy.ForImage(new ImageMeasurements(Value(1), Value(2), Value(3)));

    public static AttestationDocumentContent Content(string moduleId = InstanceId + "-enc0123456789abcdef") => new()
    {
        ModuleId = moduleId,
        Timestamp = DateTimeOffset.UtcNow,
        Pcrs = Enumerable.Range(0, 16).ToImmutableSortedDictionary(
            index => index,
            index => index == Pcr.ParentInstance ? PcrValue.OfInstance(InstanceId) : Value((byte)(index + 1))),
        Nonce = new byte[32],
        PublicKey = new byte[294],
    };

    public AttestationVerifier Verifier(int cacheCapacity) =>
        new(new AttestationVerifierOptions { Roots = [Authority.Root], CertificateCacheCapacity = cacheCapacity });

    public void Dispose()
    {
        Issuer.Dispose();
        Authority.Dispose();
    }

    static PcrValue Value(byte fill) => new([.. Enumerable.Repeat(fill, PcrValue.Length)]);
}
