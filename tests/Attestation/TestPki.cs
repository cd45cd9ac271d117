using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NitroEnclaves.Attestation.Tests;

/// <summary>A chain whose certificates can be made wrong one by one.</summary>
sealed class TestPki
{
    public const string Root = "root";
    public const string Regional = "regional";
    public const string Zonal = "zonal";
    public const string Instance = "instance";
    public const string Leaf = "leaf";

    static readonly string[] Levels = [Root, Regional, Zonal, Instance, Leaf];

    readonly Dictionary<string, (byte[] Certificate, ECDsa Key)> _issued = [];

    /// <summary>Issues a chain; <paramref name="adjust"/> is called for each certificate before it is signed.</summary>
    public TestPki(Action<CertificateDraft>? adjust = null)
    {
        CertificateDraft? issuer = null;
        foreach (var level in Levels)
        {
            var draft = CertificateDraft.Of(level);
            adjust?.Invoke(draft);
            _issued[level] = (draft.Sign(issuer ?? draft), draft.Key);
            issuer = draft;
        }
    }

    /// <summary>The chain that tests share where they need none of their own.</summary>
    public static TestPki Shared { get; } = new();

    public ECDsa LeafKey => _issued[Leaf].Key;

    public byte[] this[string level] => _issued[level].Certificate;

    public byte[][] Bundle => [.. Levels[..4].Select(level => this[level])];

    public AttestationRoot Trusted => AttestationRoot.FromSha256(SHA256.HashData(this[Root]));

    public AttestationVerifier Verifier(TimeProvider? clock = null) =>
        new(new() { Roots = [Trusted], TimeProvider = clock ?? new TestClock() });
}
