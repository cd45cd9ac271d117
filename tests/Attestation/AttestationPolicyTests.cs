using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation.Tests;

public sealed class AttestationPolicyTests
{
    static AttestationPolicy Image { get; } = AttestationPolicy.ForImage(OwnDocuments.Image);

    [Fact]
    public void An_image_is_its_three_registers_together()
    {
        var other = new ImageMeasurements(OwnDocuments.Value(1), OwnDocuments.Value(2), OwnDocuments.Value(3));
        Assert.Null(Failure(Image));
        Assert.Null(Failure(AttestationPolicy.ForImage(other, OwnDocuments.Image)));
        Assert.Equal(AttestationFailure.ImageMismatch, Failure(AttestationPolicy.ForImage(other)));

        // Each register of one of the images, and all of none.
        var first = new ImageMeasurements(OwnDocuments.Image.Pcr0, other.Pcr1, other.Pcr2);
        var second = new ImageMeasurements(other.Pcr0, OwnDocuments.Image.Pcr1, OwnDocuments.Image.Pcr2);
        Assert.Equal(AttestationFailure.ImageMismatch, Failure(AttestationPolicy.ForImage(first, second)));
    }

    [Theory]
    [InlineData(Pcr.Image)]
    [InlineData(Pcr.KernelAndBoot)]
    [InlineData(Pcr.Application)]
    public void A_register_of_the_image_that_differs_refuses(int index)
    {
        var forge = new DocumentForge().SetPcr(index, OwnDocuments.Value(0x55));

        Assert.Equal(AttestationFailure.ImageMismatch, Failure(Image, forge));
    }

    [Theory]
    [InlineData(Pcr.Image)]
    [InlineData(Pcr.KernelAndBoot)]
    [InlineData(Pcr.Application)]
    public void One_zero_register_of_the_image_is_debug_mode(int index)
    {
        var forge = new DocumentForge().SetPcr(index, PcrValue.Zero);

        Assert.Equal(AttestationFailure.DebugMode, Failure(AttestationPolicy.SignatureAndChainOnly, forge));
        Assert.Equal(AttestationFailure.DebugMode, Failure(Image, forge));
        Assert.Null(Failure(AttestationPolicy.SignatureAndChainOnly.AllowingDebugMode(), forge));
        Assert.Equal(AttestationFailure.ImageMismatch, Failure(Image.AllowingDebugMode(), forge));
    }

    [Fact]
    public void An_expected_register_that_is_missing_refuses()
    {
        var forge = new DocumentForge().SetPcrs([.. OwnDocuments.Pcrs.Where(pcr => pcr.Key is not 1).Select(pcr => (pcr.Key, pcr.Value.Bytes.ToArray()))]);

        Assert.Equal(AttestationFailure.MissingPcr, Failure(Image, forge));
        Assert.Equal(AttestationFailure.MissingPcr, Failure(Image.AllowingDebugMode(), forge));
        Assert.Equal(AttestationFailure.MissingPcr, Failure(Image.WithPcr(16, OwnDocuments.Value(1))));

        // Without PCR0, 1 and 2 nothing tells that it is not debug mode.
        Assert.Equal(AttestationFailure.MissingPcr, Failure(AttestationPolicy.SignatureAndChainOnly, forge));
        Assert.Null(Failure(AttestationPolicy.SignatureAndChainOnly.AllowingDebugMode(), forge));
    }

    [Fact]
    public void Single_registers_are_compared()
    {
        var policy = AttestationPolicy.ForPcrs(KeyValuePair.Create(Pcr.ParentInstance, PcrValue.OfInstance(OwnDocuments.InstanceId)));
        Assert.Null(Failure(policy));
        Assert.Null(Failure(policy.WithPcr(Pcr.SigningCertificate, OwnDocuments.Value(8)), new DocumentForge().SetPcr(8, OwnDocuments.Value(8))));
        Assert.Equal(AttestationFailure.PcrMismatch, Failure(policy.WithPcr(Pcr.SigningCertificate, OwnDocuments.Value(8))));
    }

    [Fact]
    public void The_nonce_is_compared_whole()
    {
        Assert.Null(Failure(Image.WithNonce(OwnDocuments.Nonce)));
        Assert.Equal(AttestationFailure.NonceMismatch, Failure(Image.WithNonce(OwnDocuments.Nonce.AsSpan(..^1))));
        Assert.Equal(AttestationFailure.NonceMismatch, Failure(Image.WithNonce([.. OwnDocuments.Nonce, 0])));
        Assert.Equal(AttestationFailure.NonceMismatch, Failure(Image.WithNonce(new byte[32])));
        Assert.Equal(AttestationFailure.NonceMismatch, Failure(Image.WithNonce(OwnDocuments.Nonce), new DocumentForge().Remove("nonce")));
    }

    [Fact]
    public void Public_key_and_user_data_are_compared_whole()
    {
        var forge = new DocumentForge()
            .Set("public_key", (ref w) => w.WriteByteString([1, 2, 3]))
            .Set("user_data", (ref w) => w.WriteByteString([4, 5, 6]));

        Assert.Null(Failure(Image.WithPublicKey([1, 2, 3]).WithUserData([4, 5, 6]), forge));
        Assert.Equal(AttestationFailure.PublicKeyMismatch, Failure(Image.WithPublicKey([1, 2]), forge));
        Assert.Equal(AttestationFailure.PublicKeyMismatch, Failure(Image.WithPublicKey([1, 2, 3])));
        Assert.Equal(AttestationFailure.UserDataMismatch, Failure(Image.WithUserData([4, 5, 7]), forge));
        Assert.Equal(AttestationFailure.UserDataMismatch, Failure(Image.WithUserData([4, 5, 6])));
    }

    [Fact]
    public void Age_is_counted_up_to_the_time_of_verification()
    {
        var policy = Image.WithMaximumAge(TimeSpan.FromMinutes(5));
        Assert.Null(Failure(policy, after: TimeSpan.FromMinutes(5)));
        Assert.Equal(AttestationFailure.TooOld, Failure(policy, after: TimeSpan.FromMinutes(5) + TimeSpan.FromMilliseconds(1)));
        Assert.Null(Failure(Image, after: TimeSpan.FromMinutes(59)));

        Assert.Null(Failure(policy, after: -TimeSpan.FromMinutes(5)));
        Assert.Equal(AttestationFailure.FromTheFuture, Failure(Image, after: -TimeSpan.FromMinutes(5) - TimeSpan.FromMilliseconds(1)));
        Assert.Equal(AttestationFailure.FromTheFuture, Failure(Image.WithClockSkew(TimeSpan.Zero), after: -TimeSpan.FromMilliseconds(1)));
    }

    [Fact]
    public void What_would_expect_nothing_is_misuse()
    {
        Assert.Throws<ArgumentException>(() => AttestationPolicy.ForPcrs());
        Assert.Throws<ArgumentException>(() => AttestationPolicy.ForPcrs(KeyValuePair.Create(8, PcrValue.Zero)));
        Assert.Throws<ArgumentException>(() => AttestationPolicy.ForPcrs(KeyValuePair.Create(8, OwnDocuments.Value(1)), KeyValuePair.Create(8, OwnDocuments.Value(2))));
        Assert.Throws<ArgumentException>(() => AttestationPolicy.ForImage(default));
        Assert.Throws<ArgumentException>(() => AttestationPolicy.ForImage(OwnDocuments.Image, default(ImageMeasurements)));
        Assert.Throws<ArgumentException>(() => new ImageMeasurements(OwnDocuments.Value(1), PcrValue.Zero, OwnDocuments.Value(2)));
        Assert.Throws<ArgumentException>(() => Image.WithPcr(3, PcrValue.Zero));
        Assert.Throws<ArgumentOutOfRangeException>(() => Image.WithPcr(32, OwnDocuments.Value(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Image.WithPcr(-1, OwnDocuments.Value(1)));
        Assert.Throws<ArgumentException>(() => Image.WithNonce(new byte[15]));
        Assert.Throws<ArgumentException>(() => Image.WithNonce([]));
        Assert.Throws<ArgumentException>(() => Image.WithPublicKey([]));
        Assert.Throws<ArgumentException>(() => Image.WithUserData([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Image.WithMaximumAge(TimeSpan.Zero));
        Assert.Throws<ArgumentOutOfRangeException>(() => Image.WithClockSkew(-TimeSpan.FromTicks(1)));
        Assert.Throws<ArgumentNullException>(() => TestPki.Shared.Verifier().Verify([], null!));
        Assert.Throws<ArgumentException>(() => new AttestationVerifier(new() { Roots = [] }));
    }

    [Fact]
    public void A_policy_does_not_change()
    {
        byte[] nonce = [.. OwnDocuments.Nonce];
        var policy = Image.WithNonce(nonce);
        nonce[0] ^= 1;
        policy.WithPcr(5, OwnDocuments.Value(5)).AllowingDebugMode();

        Assert.Null(Failure(policy));
        Assert.False(policy.AllowsDebugMode);
        Assert.Null(Image.Nonce);
        Assert.False(Image.ExpectsNoPcrs);
        Assert.True(AttestationPolicy.SignatureAndChainOnly.ExpectsNoPcrs);
    }

    [Fact]
    public void A_refused_document_has_no_claims()
    {
        var result = TestPki.Shared.Verifier().Verify(new DocumentForge().Document(), Image.WithNonce(new byte[16]));

        Assert.False(result.IsVerified);
        Assert.Null(result.Attestation);
        var exception = Assert.Throws<AttestationException>(result.GetAttestation);
        Assert.Equal(AttestationFailure.NonceMismatch, exception.Failure);
        Assert.Equal(result.Message, exception.Message);
    }

    static AttestationFailure? Failure(AttestationPolicy policy, DocumentForge? forge = null, TimeSpan after = default) =>
        TestPki.Shared.Verifier().VerifyAt((forge ?? new DocumentForge()).Document(), policy, TestClock.Noon + after).Failure;
}
