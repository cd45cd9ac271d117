using System.Collections.Immutable;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

/// <summary>
/// What a verifier expects of a genuine document. Immutable: each <c>With…</c> gives a new policy that expects more,
/// <see cref="AllowingDebugMode"/> the one that expects less.
/// </summary>
/// <remarks>
/// A policy begins with what it expects of the registers and cannot be without it by accident: only
/// <see cref="SignatureAndChainOnly"/> expects nothing, and says so. Registers that are expected and missing in a document refuse it;
/// so do documents of enclaves in debug mode, unless they are allowed by name. An expected value of zero is refused
/// here, because any enclave in debug mode meets it.
/// </remarks>
public sealed partial class AttestationPolicy
{
    /// <summary>The shortest nonce, in bytes, that proves a document new.</summary>
    public const int MinimumNonceLength = 16;

    static readonly TimeSpan DefaultClockSkew = TimeSpan.FromMinutes(5);

    AttestationPolicy()
    {
    }

    AttestationPolicy(AttestationPolicy other)
    {
        Images = other.Images;
        Pcrs = other.Pcrs;
        Nonce = other.Nonce;
        PublicKey = other.PublicKey;
        UserData = other.UserData;
        MaximumAge = other.MaximumAge;
        ClockSkew = other.ClockSkew;
        AllowsDebugMode = other.AllowsDebugMode;
    }

    /// <summary>
    /// Expects nothing of the registers: a document passes whatever image the enclave runs. Proves that some enclave, not in debug mode,
    /// made the document, and nothing about what it is.
    /// </summary>
    public static AttestationPolicy SignatureAndChainOnly { get; } = new();

    /// <summary>
    /// The images that are accepted; a document has to be of one of them in all three registers. Empty where none is expected.
    /// </summary>
    public ImmutableArray<ImageMeasurements> Images { get; private init; } = [];

    /// <summary>The values that single registers have to have.</summary>
    public ImmutableSortedDictionary<int, PcrValue> Pcrs { get; private init; } = ImmutableSortedDictionary<int, PcrValue>.Empty;

    /// <summary>The nonce that the document has to carry; null where none is expected.</summary>
    public ReadOnlyMemory<byte>? Nonce { get; private init; }

    /// <summary>The public key that the document has to carry; null where none is expected.</summary>
    public ReadOnlyMemory<byte>? PublicKey { get; private init; }

    /// <summary>The user data that the document has to carry; null where none is expected.</summary>
    public ReadOnlyMemory<byte>? UserData { get; private init; }

    /// <summary>The oldest that a document may be; null for as long as its certificates are valid, up to three hours.</summary>
    public TimeSpan? MaximumAge { get; private init; }

    /// <summary>How far a document's timestamp may lie in the future, because clocks differ; five minutes by default.</summary>
    public TimeSpan ClockSkew { get; private init; } = DefaultClockSkew;

    /// <summary>Whether enclaves in debug mode are accepted.</summary>
    public bool AllowsDebugMode { get; private init; }

    /// <summary>Whether no register is expected to have any value.</summary>
    public bool ExpectsNoPcrs => Images.IsEmpty && Pcrs.IsEmpty;

    /// <summary>Expects one of these images: PCR0, 1 and 2 together.</summary>
    /// <param name="image">An image.</param>
    /// <param name="others">Further ones, as during a change of version.</param>
    /// <exception cref="ArgumentException">An image is the default value, whose registers are zero.</exception>
    public static AttestationPolicy ForImage(ImageMeasurements image, params ReadOnlySpan<ImageMeasurements> others)
    {
        ImmutableArray<ImageMeasurements> images = [image, .. others];
        foreach (var one in images)
        {
            NotZero(one.Pcr0, Pcr.Image);
        }

        return new AttestationPolicy { Images = images };
    }

    /// <summary>
    /// Expects values of single registers, where an image as a whole is not to be expected: PCR8 and PCR3 for whatever a signer signs.
    /// <see cref="AttestationPolicyLint"/> tells what such a policy leaves open.
    /// </summary>
    /// <param name="pcrs">Register (0 to 31) and value, at least one.</param>
    /// <exception cref="ArgumentException">There is none, a register does not exist, stands there twice, or a value is zero.</exception>
    public static AttestationPolicy ForPcrs(params IEnumerable<KeyValuePair<int, PcrValue>> pcrs)
    {
        ArgumentNullException.ThrowIfNull(pcrs);
        var policy = pcrs.Aggregate(new AttestationPolicy(), (policy, pcr) => policy.WithPcr(pcr.Key, pcr.Value));
        return policy.ExpectsNoPcrs
            ? throw new ArgumentException($"No register is expected; {nameof(SignatureAndChainOnly)} says so by name.", nameof(pcrs))
            : policy;
    }

    /// <summary>Expects a register to have a value, besides what is expected already.</summary>
    /// <param name="index">The register, 0 to 31.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="ArgumentException">
    /// The register does not exist, is expected already (PCR0, 1 and 2 as part of an image), or the value is zero.
    /// </exception>
    public AttestationPolicy WithPcr(int index, PcrValue value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Pcr.Count);
        return Pcrs.ContainsKey(index) || (!Images.IsEmpty && index <= Pcr.Application)
            ? throw new ArgumentException($"PCR{index} is expected already.", nameof(index))
            : new AttestationPolicy(this) { Pcrs = Pcrs.Add(index, NotZero(value, index)) };
    }

    /// <summary>Expects a nonce: the proof that the document was made for this verification.</summary>
    /// <param name="nonce">At least <see cref="MinimumNonceLength"/> random bytes that the verifier chose for this one document.</param>
    /// <exception cref="ArgumentException">It is shorter.</exception>
    public AttestationPolicy WithNonce(ReadOnlySpan<byte> nonce) => nonce.Length >= MinimumNonceLength
        ? new AttestationPolicy(this) { Nonce = nonce.ToArray() }
        : throw new ArgumentException($"A nonce of {nonce.Length} bytes can be guessed; it takes {MinimumNonceLength}.", nameof(nonce));

    /// <summary>Expects a public key, which binds the document to the channel that uses this key.</summary>
    /// <param name="publicKey">The key, byte for byte as the enclave puts it into its documents; not empty.</param>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public AttestationPolicy WithPublicKey(ReadOnlySpan<byte> publicKey) => publicKey.Length > 0
        ? new AttestationPolicy(this) { PublicKey = publicKey.ToArray() }
        : throw new ArgumentException("A public key is not empty.", nameof(publicKey));

    /// <summary>Expects user data, byte for byte.</summary>
    /// <param name="userData">The data; not empty.</param>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public AttestationPolicy WithUserData(ReadOnlySpan<byte> userData) => userData.Length > 0
        ? new AttestationPolicy(this) { UserData = userData.ToArray() }
        : throw new ArgumentException("Empty user data says nothing.", nameof(userData));

    /// <summary>Expects a document made recently.</summary>
    /// <param name="maximumAge">The oldest that it may be at the time of verification; positive.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public AttestationPolicy WithMaximumAge(TimeSpan maximumAge)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(maximumAge, TimeSpan.Zero);
        return new AttestationPolicy(this) { MaximumAge = maximumAge };
    }

    /// <summary>Says how far the clocks of enclave and verifier may differ.</summary>
    /// <param name="clockSkew">How far a timestamp may lie in the future; not negative.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public AttestationPolicy WithClockSkew(TimeSpan clockSkew)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(clockSkew, TimeSpan.Zero);
        return new AttestationPolicy(this) { ClockSkew = clockSkew };
    }

    /// <summary>
    /// Accepts enclaves in debug mode, whose memory the parent instance can read. It lifts nothing else: their PCR0, 1, 2 and 8 are zero
    /// and meet no expectation.
    /// </summary>
    public AttestationPolicy AllowingDebugMode() => new(this) { AllowsDebugMode = true };

    internal static PcrValue NotZero(PcrValue value, int index) => value.IsZero
        ? throw new ArgumentException($"PCR{index} is expected to be zero, as it is in every enclave in debug mode.", nameof(value))
        : value;
}
